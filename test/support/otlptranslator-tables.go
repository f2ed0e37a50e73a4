// Writes test/fixtures/otlp/otlptranslator.json: the tables of the tests of github.com/prometheus/otlptranslator (The
// Prometheus Authors, Apache-2.0), and what that module makes of every name and unit in them, by every strategy and for
// every type. Made again in an empty folder, with Go:
//
//	cp otlptranslator-tables.go main.go
//	go mod init tables && go get github.com/prometheus/otlptranslator@v1.0.0
//	go run . "$(go list -m -f '{{.Dir}}' github.com/prometheus/otlptranslator)" > otlptranslator.json
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"

	translator "github.com/prometheus/otlptranslator"
)

type named struct {
	Name      string `json:"name"`
	Strategy  string `json:"strategy"`
	Namespace string `json:"namespace,omitempty"`
	Metric    string `json:"metric"`
	Unit      string `json:"unit"`
	Type      string `json:"type"`
	Want      string `json:"want"`
	WantUnit  string `json:"wantUnit"`
}

type label struct {
	Label            string `json:"label"`
	IsEscaping       bool   `json:"isEscaping"`
	KeepsUnderscores bool   `json:"keepsUnderscores"`
	KeysUnderscore   bool   `json:"keysUnderscore"`
	Want             string `json:"want"`
}

const step = 41

var types = map[string]translator.MetricType{
	"counter": translator.MetricTypeMonotonicCounter,
	"gauge":   translator.MetricTypeGauge,
	"other":   translator.MetricTypeHistogram,
}

var strategies = []translator.TranslationStrategyOption{
	translator.UnderscoreEscapingWithSuffixes, translator.UnderscoreEscapingWithoutSuffixes,
	translator.NoUTF8EscapingWithSuffixes, translator.NoTranslation,
}

// Beyond what the tables have.
var moreNames = []string{"a", "_", "__", "a__b", "_a_", "total", "ratio", "a.total", "a_total.b", "bytes", "a.bytes", "seconds_per_bytes",
	"per_second", "a_per_second", "ä", "1", "1a", "a:b", "::", "日本.a", "a\tb", "bytes_total", "total_bytes", "atotal", "x.ratio"}
var moreUnits = []string{"{x}", "By/{x}", "{x}/s", "/s", "s/", "a_", "a__b", "_", "_a", "a/_", "a/b/s", "per", "%/%", " ", "ä", "TiBy", "KBy/mo"}
var moreLabels = []string{"a", "_", "__", "___", "____", "__a", "a__", "__a__", "___a___", "____a____", "_1", "1", "1_", "..", "a..b", "ä", "😀a", "__.__", "_.a", "A:b",
	"__name__", "__1__", " a "}

func main() {
	file := func(name string) *ast.File {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(os.Args[1], name), nil, 0)
		if err != nil {
			panic(err)
		}
		return parsed
	}
	table, names, units := metrics(file("metric_namer_test.go"))
	labels := labelsOf(file("label_namer_test.go"))

	var derived []named
	for _, name := range append(unique(names), moreNames...) {
		for _, unit := range append(unique(units), moreUnits...) {
			for _, strategy := range strategies {
				for _, kind := range []string{"counter", "gauge", "other"} {
					namer := translator.NewMetricNamer("", strategy)
					want, _ := namer.Build(translator.Metric{Name: name, Unit: unit, Type: types[kind]})
					unitNamer := translator.UnitNamer{}
					derived = append(derived, named{"", string(strategy), "", name, unit, kind, want, unitNamer.Build(unit)})
				}
			}
		}
	}
	var derivedLabels []label
	for _, key := range append(unique(labels), moreLabels...) {
		for bits := range 8 {
			namer := translator.LabelNamer{UTF8Allowed: bits&1 == 0, PreserveMultipleUnderscores: bits&2 != 0, UnderscoreLabelSanitization: bits&4 != 0}
			want, _ := namer.Build(key)
			derivedLabels = append(derivedLabels, label{key, !namer.UTF8Allowed, namer.PreserveMultipleUnderscores, namer.UnderscoreLabelSanitization, want})
		}
	}
	out := map[string]any{
		"origin":        "Tables of the tests of github.com/prometheus/otlptranslator v1.0.0, Copyright The Prometheus Authors, Apache-2.0, and what that module makes of what is in them; written by test/support/otlptranslator-tables.go.",
		"metrics":       table,
		"labels":        derivedLabels,
		"derivedFields": []string{"strategy", "metric", "unit", "type", "want", "wantUnit"},
		"derived":       compact(derived),
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		panic(err)
	}
}

// Some of a product that large says as much as all of it; the step has no factor in common with what it steps through.
func compact(all []named) [][]string {
	var rows [][]string
	for i, row := range all {
		if i%step == 0 {
			rows = append(rows, []string{row.Strategy, row.Metric, row.Unit, row.Type, row.Want, row.WantUnit})
		}
	}
	return rows
}

func unique(texts []string) []string {
	seen := map[string]bool{}
	var kept []string
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			kept = append(kept, text)
		}
	}
	return kept
}

func fields(literal *ast.CompositeLit) map[string]ast.Expr {
	found := map[string]ast.Expr{}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok {
				found[key.Name] = pair.Value
			}
		}
	}
	return found
}

func text(expr ast.Expr) string {
	if expr == nil {
		return ""
	}
	if literal, ok := expr.(*ast.BasicLit); ok {
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			panic(err)
		}
		return value
	}
	if name, ok := expr.(*ast.Ident); ok {
		return name.Name
	}
	panic(fmt.Sprintf("not a text: %T", expr))
}

func metrics(file *ast.File) (rows []named, names, units []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		row := fields(literal)
		metric, ok := row["metric"].(*ast.CompositeLit)
		if !ok {
			return true
		}
		of := fields(metric)
		result := named{Name: text(row["name"]), Metric: text(of["Name"]), Unit: text(of["Unit"]), Want: text(row["wantMetricName"]), WantUnit: text(row["wantUnitName"])}
		switch text(of["Type"]) {
		case "MetricTypeMonotonicCounter":
			result.Type = "counter"
		case "MetricTypeGauge":
			result.Type = "gauge"
		default:
			result.Type = "other"
		}
		switch namer := row["namer"].(type) {
		case *ast.CallExpr:
			result.Namespace, result.Strategy = text(namer.Args[0]), text(namer.Args[1])
		case *ast.CompositeLit:
			of := fields(namer)
			result.Namespace = text(of["Namespace"])
			for _, strategy := range strategies {
				if strategy.ShouldEscape() != (text(of["UTF8Allowed"]) == "true") && strategy.ShouldAddSuffixes() == (text(of["WithMetricSuffixes"]) == "true") {
					result.Strategy = string(strategy)
				}
			}
		}
		rows = append(rows, result)
		names, units = append(names, result.Metric), append(units, result.Unit)
		return true
	})
	return
}

func labelsOf(file *ast.File) (labels []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.CompositeLit); ok {
			if value, ok := fields(literal)["label"]; ok {
				labels = append(labels, text(value))
			}
		}
		return true
	})
	return
}
