// Writes what Prometheus's OTLP translator makes of the requests in test/fixtures/otlp/translations.json into the same
// file, as the samples of each. Made again in an empty folder, with Go:
//
//	cp otlp-translations.go main.go
//	go mod init translations && go get github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite@v0.316.0
//	go get go.opentelemetry.io/collector/pdata@v1.69.0
//	go run . < translations.json > written.json
package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

type options struct {
	Strategy         string   `json:"strategy"`
	KeepsUnderscores bool     `json:"keepsUnderscores"`
	KeysUnderscore   bool     `json:"keysUnderscore"`
	Promotes         []string `json:"promotes"`
	IsAllBut         bool     `json:"isAllBut"`
	PromotesScope    bool     `json:"promotesScope"`
	KeepsIdentifying bool     `json:"keepsIdentifying"`
}

type exemplar struct {
	Labels map[string]string `json:"labels"`
	Value  string            `json:"value"`
	TimeMs int64             `json:"timeMs"`
}

type native struct {
	Schema        int32           `json:"schema"`
	ZeroThreshold string          `json:"zeroThreshold"`
	ZeroCount     uint64          `json:"zeroCount"`
	Count         uint64          `json:"count"`
	Sum           string          `json:"sum"`
	Positive      map[int32]int64 `json:"positive"`
	Negative      map[int32]int64 `json:"negative"`
}

type sample struct {
	Labels    map[string]string `json:"labels"`
	TimeMs    int64             `json:"timeMs"`
	StartMs   int64             `json:"startMs,omitempty"`
	Value     string            `json:"value"`
	Type      string            `json:"type"`
	Help      string            `json:"help,omitempty"`
	Unit      string            `json:"unit,omitempty"`
	Exemplars []exemplar        `json:"exemplars,omitempty"`
	Native    *native           `json:"native,omitempty"`
}

type testCase struct {
	Name    string          `json:"name"`
	Options options         `json:"options"`
	Request json.RawMessage `json:"request"`
	Samples []sample        `json:"samples"`
}

type appender struct{ samples []sample }

func (*appender) Commit() error   { return nil }
func (*appender) Rollback() error { return nil }

func (a *appender) Append(_ storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, _ *histogram.FloatHistogram, opts storage.AOptions) (storage.SeriesRef, error) {
	appended := sample{Labels: ls.Map(), TimeMs: t, StartMs: st, Value: number(v), Type: string(opts.Metadata.Type), Help: opts.Metadata.Help, Unit: opts.Metadata.Unit}
	for _, ex := range opts.Exemplars {
		appended.Exemplars = append(appended.Exemplars, exemplar{ex.Labels.Map(), number(ex.Value), ex.Ts})
	}
	if h != nil {
		appended.Value = number(h.Sum)
		if appended.Value != "stale" {
			appended.Value = ""
			appended.Native = &native{h.Schema, number(h.ZeroThreshold), h.ZeroCount, h.Count, number(h.Sum), buckets(h.PositiveSpans, h.PositiveBuckets), buckets(h.NegativeSpans, h.NegativeBuckets)}
		}
	}
	a.samples = append(a.samples, appended)
	return 0, nil
}

func number(v float64) string {
	if value.IsStaleNaN(v) {
		return "stale"
	}
	if math.IsNaN(v) {
		return "NaN"
	}
	return strings.ReplaceAll(strconv.FormatFloat(v, 'g', -1, 64), "Inf", "Infinity")
}

func buckets(spans []histogram.Span, deltas []int64) map[int32]int64 {
	counts := map[int32]int64{}
	var index int32
	var count int64
	at := 0
	for _, span := range spans {
		index += span.Offset
		for range span.Length {
			count += deltas[at]
			if count != 0 {
				counts[index] = count
			}
			at++
			index++
		}
	}
	return counts
}

func main() {
	var file struct {
		Origin string     `json:"origin"`
		Cases  []testCase `json:"cases"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&file); err != nil {
		panic(err)
	}
	for i := range file.Cases {
		each := &file.Cases[i]
		metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(each.Request)
		if err != nil {
			panic(each.Name + ": " + err.Error())
		}
		of := each.Options
		otlp := config.OTLPConfig{PromoteResourceAttributes: of.Promotes}
		if of.IsAllBut {
			otlp = config.OTLPConfig{PromoteAllResourceAttributes: true, IgnoreResourceAttributes: of.Promotes}
		}
		found := &appender{samples: []sample{}}
		converter := prometheusremotewrite.NewPrometheusConverter(found)
		// What it refuses is left out of the samples.
		_, _ = converter.FromMetrics(context.Background(), metrics, prometheusremotewrite.Settings{
			AddMetricSuffixes:                    strings.HasSuffix(of.Strategy, "WithSuffixes"),
			AllowUTF8:                            !strings.HasPrefix(of.Strategy, "Underscore"),
			PromoteResourceAttributes:            prometheusremotewrite.NewPromoteResourceAttributes(otlp),
			KeepIdentifyingResourceAttributes:    of.KeepsIdentifying,
			AllowDeltaTemporality:                true,
			PromoteScopeMetadata:                 of.PromotesScope,
			LabelNameUnderscoreSanitization:      of.KeysUnderscore,
			LabelNamePreserveMultipleUnderscores: of.KeepsUnderscores,
		})
		each.Samples = found.samples
	}
	// A line for each, so that a change shows.
	os.Stdout.WriteString("{\n\"origin\": " + line(file.Origin) + ",\n\"cases\": [\n")
	for i, each := range file.Cases {
		if i > 0 {
			os.Stdout.WriteString(",\n")
		}
		os.Stdout.WriteString(line(each))
	}
	os.Stdout.WriteString("\n]\n}\n")
}

func line(of any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(of); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(text.String(), "\n")
}
