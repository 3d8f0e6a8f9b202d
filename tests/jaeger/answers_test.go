// Package jaeger reads a control plane's answers with Jaeger's own code: OTLP by the collector's unmarshaler, and from there to Jaeger's model by the translator
// that Jaeger's query service uses. What the unversioned API says of a trace must be that.
package jaeger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	translator "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type envelope struct {
	Data   json.RawMessage   `json:"data"`
	Total  int               `json:"total"`
	Limit  int               `json:"limit"`
	Offset int               `json:"offset"`
	Errors []json.RawMessage `json:"errors"`
}

type tag struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

type process struct {
	ServiceName string `json:"serviceName"`
	Tags        []tag  `json:"tags"`
}

type reference struct {
	RefType string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

type log struct {
	Timestamp uint64 `json:"timestamp"`
	Fields    []tag  `json:"fields"`
}

type span struct {
	TraceID       string      `json:"traceID"`
	SpanID        string      `json:"spanID"`
	OperationName string      `json:"operationName"`
	References    []reference `json:"references"`
	StartTime     uint64      `json:"startTime"`
	Duration      uint64      `json:"duration"`
	Tags          []tag       `json:"tags"`
	Logs          []log       `json:"logs"`
	ProcessID     string      `json:"processID"`
	Warnings      []string    `json:"warnings"`
}

type trace struct {
	TraceID   string             `json:"traceID"`
	Spans     []span             `json:"spans"`
	Processes map[string]process `json:"processes"`
	Warnings  []string           `json:"warnings"`
}

// A span with its sender, however that is named within the trace.
type whole struct {
	span
	sender process
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	answer, err := http.Get(os.Getenv("CONTROL_PLANE_URL") + "/jaeger/api" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", path, answer.Status, body, err)
	}
	return body
}

// Every member of an answer has its place, and none is left over.
func read[T any](t *testing.T, body []byte) (into T) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&into); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	return into
}

func data[T any](t *testing.T, path string) T {
	t.Helper()
	return read[T](t, read[envelope](t, get(t, path)).Data)
}

func tags(values []model.KeyValue) []tag {
	all := make([]tag, 0, len(values))
	for _, value := range values {
		var own any
		switch value.VType {
		case model.BoolType:
			own = value.Bool()
		case model.Int64Type:
			own = json.Number(value.AsString())
			if number := value.Int64(); number > 1<<53-1 || number < -(1<<53-1) {
				own = value.AsString()
			}
		case model.Float64Type:
			encoded, err := json.Marshal(value.Float64())
			own = json.Number(encoded)
			if err != nil {
				own = value.AsString()
			}
		case model.BinaryType:
			encoded, _ := json.Marshal(value.Binary())
			own = strings.Trim(string(encoded), `"`)
		default:
			own = value.AsString()
		}
		all = append(all, tag{value.Key, strings.ToLower(value.VType.String()), own})
	}
	return all
}

// What Jaeger's own translator makes of OTLP.
func translated(t *testing.T, result []byte) []whole {
	t.Helper()
	unmarshaler := ptrace.JSONUnmarshaler{}
	traces, err := unmarshaler.UnmarshalTraces(result)
	if err != nil {
		t.Fatal(err)
	}
	var all []whole
	for _, batch := range translator.ProtoFromTraces(traces) {
		sender := process{batch.Process.ServiceName, tags(batch.Process.Tags)}
		for _, own := range batch.Spans {
			made := span{
				TraceID:       own.TraceID.String(),
				SpanID:        own.SpanID.String(),
				OperationName: own.OperationName,
				References:    []reference{},
				StartTime:     model.TimeAsEpochMicroseconds(own.StartTime),
				Duration:      model.DurationAsMicroseconds(own.Duration),
				Tags:          tags(own.Tags),
				Logs:          []log{},
			}
			for _, other := range own.References {
				made.References = append(made.References, reference{other.RefType.String(), other.TraceID.String(), other.SpanID.String()})
			}
			for _, own := range own.Logs {
				made.Logs = append(made.Logs, log{model.TimeAsEpochMicroseconds(own.Timestamp), tags(own.Fields)})
			}
			all = append(all, whole{made, sender})
		}
	}
	return all
}

func ordered(spans []whole) []whole {
	slices.SortFunc(spans, func(a, b whole) int { return strings.Compare(a.SpanID, b.SpanID) })
	return spans
}

func TestTracesAreWhatJaegersTranslatorMakesOfThem(t *testing.T) {
	services := data[[]string](t, "/services")
	if len(services) < 3 {
		t.Fatalf("services: %v", services)
	}
	seen := map[string]bool{}
	types, kinds := map[string]int{}, map[string]int{}
	for _, service := range services {
		operations := data[[]string](t, "/services/"+url.PathEscape(service)+"/operations")
		if len(operations) == 0 {
			t.Errorf("%s has no operations", service)
		}
		for _, found := range data[[]trace](t, "/traces?limit=200&service="+url.QueryEscape(service)) {
			if seen[found.TraceID] {
				continue
			}
			seen[found.TraceID] = true
			opened := data[[]trace](t, "/traces/"+found.TraceID)[0]
			if !reflect.DeepEqual(opened, found) {
				t.Errorf("%s is another where it is opened than where it is found", found.TraceID)
			}
			var told []whole
			for _, own := range opened.Spans {
				sender, named := opened.Processes[own.ProcessID]
				if !named {
					t.Errorf("%s: no process %q", own.SpanID, own.ProcessID)
				}
				own.ProcessID = ""
				told = append(told, whole{own, sender})
				for _, own := range append(slices.Clone(own.Tags), sender.Tags...) {
					types[own.Type]++
				}
				for _, other := range own.References {
					kinds[other.RefType]++
				}
				kinds["log"] += len(own.Logs)
			}
			var v3 struct {
				Result json.RawMessage `json:"result"`
			}
			if err := json.Unmarshal(get(t, "/v3/traces/"+found.TraceID), &v3); err != nil {
				t.Fatal(err)
			}
			expected := ordered(translated(t, v3.Result))
			for at, own := range ordered(told) {
				if at >= len(expected) || !reflect.DeepEqual(own, expected[at]) {
					t.Errorf("told:\n%+v\nJaeger makes of it:\n%+v", own, expected[min(at, len(expected)-1)])
				}
			}
			if len(told) != len(expected) {
				t.Errorf("%s: %d spans, not %d", found.TraceID, len(told), len(expected))
			}
		}
	}
	for _, name := range []string{"string", "int64", "float64", "bool", "binary"} {
		if types[name] == 0 {
			t.Errorf("no attribute is of type %s", name)
		}
	}
	for _, name := range []string{"CHILD_OF", "FOLLOWS_FROM", "log"} {
		if kinds[name] == 0 {
			t.Errorf("no span has a %s", name)
		}
	}
	fmt.Printf("%d traces, types %v, references and logs %v\n", len(seen), types, kinds)
}
