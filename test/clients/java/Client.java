import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Summary;
import io.prometheus.metrics.exporter.pushgateway.Format;
import io.prometheus.metrics.exporter.pushgateway.PushGateway;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** Pushes with client_java, the way its users do: java Client.java HOST:PORT push|add|delete text|protobuf, with the classpath that pom.xml gives */
public class Client {
  public static void main(String[] args) throws Exception {
    PrometheusRegistry registry = new PrometheusRegistry();
    Counter.builder().name("java_requests_total").help("Requests.").labelNames("code").register(registry)
        .labelValues("200").inc(42);
    Gauge.builder().name("java_size_bytes").help("Size.").register(registry).set(1.5e6);
    Summary latency = Summary.builder().name("java_latency_seconds").help("Latency.").quantile(0.5).register(registry);
    Histogram classic =
        Histogram.builder().name("java_classic_seconds").help("Classic.").classicOnly().classicUpperBounds(1, 10).register(registry);
    Histogram nativeOnly = Histogram.builder().name("java_native_seconds").help("Native.").nativeOnly().register(registry);
    for (int i = 1; i <= 100; i++) {
      latency.observe(i);
      classic.observe(i);
      nativeOnly.observe(i);
    }
    PushGateway gateway =
        PushGateway.builder()
            .address(args[0])
            .job("java batch/ü")
            .groupingKey("instance", "i 1")
            .format(args[2].equals("text") ? Format.PROMETHEUS_TEXT : Format.PROMETHEUS_PROTOBUF)
            .registry(registry)
            .build();
    switch (args[1]) {
      case "push" -> gateway.push();
      case "add" -> gateway.pushAdd();
      default -> gateway.delete();
    }
  }
}
