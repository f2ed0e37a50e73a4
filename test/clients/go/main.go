// Pushes with client_golang, the way its users do:
//
//	client <url> <push|add|delete> <text|protobuf>
//
// Prints nothing when the gateway took it, and ends with 1 and the reason when not.
package main

import (
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/expfmt"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("client_golang 1.25.0")
		return
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, method, format string) error {
	formats := map[string]expfmt.Format{
		"text":     expfmt.NewFormat(expfmt.TypeTextPlain),
		"protobuf": expfmt.NewFormat(expfmt.TypeProtoDelim),
	}
	pusher := push.New(url, "go batch/ü").Grouping("instance", "i 1").Gatherer(collect()).Format(formats[format])
	switch method {
	case "push":
		return pusher.Push()
	case "add":
		return pusher.Add()
	default:
		return pusher.Delete()
	}
}

func collect() *prometheus.Registry {
	registry := prometheus.NewRegistry()

	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "go_requests_total", Help: "Requests."}, []string{"code"})
	requests.WithLabelValues("200").Add(41)
	requests.WithLabelValues("200").(prometheus.ExemplarAdder).AddWithExemplar(1, prometheus.Labels{"trace_id": "abc"})

	size := prometheus.NewGauge(prometheus.GaugeOpts{Name: "go_size_bytes", Help: "Size."})
	size.Set(1.5e6)

	latency := prometheus.NewSummary(prometheus.SummaryOpts{Name: "go_latency_seconds", Help: "Latency.", Objectives: map[float64]float64{0.5: 0.05}})
	classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "go_classic_seconds", Help: "Classic.", Buckets: []float64{1, 10, 100}})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "go_native_seconds", Help: "Native.", NativeHistogramBucketFactor: 1.1})
	empty := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "go_empty_seconds", Help: "Empty.", NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: prometheus.NativeHistogramZeroThresholdZero})
	for i := 1; i <= 100; i++ {
		value := float64(i)
		latency.Observe(value)
		classic.Observe(value)
		native.Observe(value)
	}
	native.Observe(-2)
	native.Observe(0)

	registry.MustRegister(requests, size, latency, classic, native, empty)
	return registry
}
