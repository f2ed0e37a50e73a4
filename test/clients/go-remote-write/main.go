// Prints bodies of remote write 1.0 and 2.0 as Prometheus itself encodes them, base64 by name, in JSON:
//
//	go run . > ../../unit/formats/remote-write/bodies-of-prometheus.json
package main

import (
	"encoding/json"
	"math"
	"os"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

const now = int64(1764000000123)

var stale = math.Float64frombits(value.StaleNaN)

var integers = &histogram.Histogram{
	Schema: 1, ZeroThreshold: 0.001, ZeroCount: 2, Count: 12, Sum: 18.4,
	PositiveSpans:    []histogram.Span{{Offset: 0, Length: 2}, {Offset: 1, Length: 2}},
	PositiveBuckets:  []int64{1, 1, -1, 0},
	NegativeSpans:    []histogram.Span{{Offset: -3, Length: 2}},
	NegativeBuckets:  []int64{2, 1},
	CounterResetHint: histogram.NotCounterReset,
}

var fractions = &histogram.FloatHistogram{
	Schema: 0, ZeroThreshold: 0.5, ZeroCount: 0.5, Count: 3.25, Sum: -1,
	PositiveSpans:    []histogram.Span{{Offset: -1, Length: 2}},
	PositiveBuckets:  []float64{1.25, 1.5},
	CounterResetHint: histogram.GaugeType,
}

var bounds = &histogram.Histogram{
	Schema: histogram.CustomBucketsSchema, Count: 6, Sum: 5,
	PositiveSpans:   []histogram.Span{{Offset: 0, Length: 1}, {Offset: 1, Length: 1}},
	PositiveBuckets: []int64{2, 2},
	CustomValues:    []float64{-0.5, 1},
}

var ended = &histogram.Histogram{Sum: stale}

func main() {
	bodies := map[string][]byte{
		"samples1":    one(samples1()),
		"metadata1":   one(metadata1()),
		"histograms1": one(histograms1()),
		"samples2":    samples2(),
		"histograms2": histograms2(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(bodies); err != nil {
		panic(err)
	}
}

func one(request *prompb.WriteRequest) []byte {
	body, err := request.Marshal()
	if err != nil {
		panic(err)
	}
	return body
}

func named(pairs ...string) []prompb.Label {
	return prompb.FromLabels(labels.FromStrings(pairs...), nil)
}

func samples1() *prompb.WriteRequest {
	return &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{
		{
			Labels:  named("__name__", "requests_total", "path", "/ü", "job", "api"),
			Samples: []prompb.Sample{{Value: 41.5, Timestamp: now}, {Value: 42, Timestamp: now + 1000}},
		},
		{Labels: named("__name__", "zero"), Samples: []prompb.Sample{{}}},
		{Labels: named("__name__", "before"), Samples: []prompb.Sample{{Value: math.Inf(-1), Timestamp: -1}}},
		{Labels: named("__name__", "up", "job", "api"), Samples: []prompb.Sample{{Value: stale, Timestamp: now}}},
		{Labels: named("__name__", "nan"), Samples: []prompb.Sample{{Value: math.Float64frombits(value.NormalNaN), Timestamp: now}}},
		{
			Labels:    named("__name__", "requests_total", "path", "/ü", "job", "api"),
			Exemplars: []prompb.Exemplar{{Labels: named("trace_id", "abc"), Value: 0.25, Timestamp: now - 5}},
		},
	}}
}

func metadata1() *prompb.WriteRequest {
	return &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{
		{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "requests_total", Help: "Requests."},
		{Type: prompb.MetricMetadata_HISTOGRAM, MetricFamilyName: "latency_seconds", Help: "Latency.", Unit: "seconds"},
		{Type: prompb.MetricMetadata_STATESET, MetricFamilyName: "state"},
		{MetricFamilyName: "nothing_is_known"},
	}}
}

func histograms1() *prompb.WriteRequest {
	return &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{
		{Labels: named("__name__", "integers"), Histograms: []prompb.Histogram{prompb.FromIntHistogram(now, integers)}},
		{Labels: named("__name__", "fractions"), Histograms: []prompb.Histogram{prompb.FromFloatHistogram(now, fractions)}},
		{Labels: named("__name__", "bounds"), Histograms: []prompb.Histogram{prompb.FromIntHistogram(now, bounds)}},
		{Labels: named("__name__", "ended"), Histograms: []prompb.Histogram{prompb.FromIntHistogram(now, ended)}},
	}}
}

func two(symbols *writev2.SymbolsTable, series []writev2.TimeSeries) []byte {
	request := &writev2.Request{Symbols: symbols.Symbols(), Timeseries: series}
	body, err := request.OptimizedMarshal(nil)
	if err != nil {
		panic(err)
	}
	return body
}

func samples2() []byte {
	symbols := writev2.NewSymbolTable()
	refs := func(pairs ...string) []uint32 {
		return symbols.SymbolizeLabels(labels.FromStrings(pairs...), nil)
	}
	series := []writev2.TimeSeries{
		{
			LabelsRefs: refs("__name__", "requests_total", "path", "/ü", "job", "api"),
			Samples: []writev2.Sample{
				{Value: 41.5, Timestamp: now, StartTimestamp: now - 60000},
				{Value: 42, Timestamp: now + 1000},
			},
			Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: symbols.Symbolize("Requests.")},
		},
		{
			LabelsRefs: refs("__name__", "latency_seconds_bucket", "le", "+Inf"),
			Samples:    []writev2.Sample{{Value: 3, Timestamp: now}},
			Metadata: writev2.Metadata{
				Type:    writev2.Metadata_METRIC_TYPE_HISTOGRAM,
				HelpRef: symbols.Symbolize("Latency."),
				UnitRef: symbols.Symbolize("seconds"),
			},
		},
		{LabelsRefs: refs("__name__", "up", "job", "api"), Samples: []writev2.Sample{{Value: stale, Timestamp: now}}},
		{
			LabelsRefs: refs("__name__", "requests_total", "path", "/ü", "job", "api"),
			Exemplars:  []writev2.Exemplar{{LabelsRefs: refs("trace_id", "abc"), Value: 0.25, Timestamp: now - 5}},
		},
	}
	return two(&symbols, series)
}

func histograms2() []byte {
	symbols := writev2.NewSymbolTable()
	refs := func(name string) []uint32 {
		return symbols.SymbolizeLabels(labels.FromStrings("__name__", name), nil)
	}
	const start = now - 60000
	series := []writev2.TimeSeries{
		{LabelsRefs: refs("integers"), Histograms: []writev2.Histogram{writev2.FromIntHistogram(start, now, integers)}},
		{LabelsRefs: refs("fractions"), Histograms: []writev2.Histogram{writev2.FromFloatHistogram(0, now, fractions)}},
		{LabelsRefs: refs("bounds"), Histograms: []writev2.Histogram{writev2.FromIntHistogram(0, now, bounds)}},
		{LabelsRefs: refs("ended"), Histograms: []writev2.Histogram{writev2.FromIntHistogram(0, now, ended)}},
	}
	return two(&symbols, series)
}
