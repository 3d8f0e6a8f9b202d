// Package decouple stands in for the community layer's processor of this name, which the module proxy does not have. Like that
// one it answers at once and sends on from a queue; it knows no function that freezes, so the queue is never held back.
package decouple

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"
)

// Config has the real one's only setting.
type Config struct {
	MaxQueueSize int `mapstructure:"max_queue_size"`
}

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("decouple"),
		func() component.Config { return &Config{MaxQueueSize: 200} },
		processor.WithTraces(newTraces, component.StabilityLevelDevelopment),
		processor.WithMetrics(newMetrics, component.StabilityLevelDevelopment),
		processor.WithLogs(newLogs, component.StabilityLevelDevelopment),
	)
}

func newTraces(_ context.Context, settings processor.Settings, config component.Config, next consumer.Traces) (processor.Traces, error) {
	return &traces{newQueue(settings, config), next}, nil
}

func newMetrics(_ context.Context, settings processor.Settings, config component.Config, next consumer.Metrics) (processor.Metrics, error) {
	return &metrics{newQueue(settings, config), next}, nil
}

func newLogs(_ context.Context, settings processor.Settings, config component.Config, next consumer.Logs) (processor.Logs, error) {
	return &logs{newQueue(settings, config), next}, nil
}

type traces struct {
	*queue
	next consumer.Traces
}

func (t *traces) ConsumeTraces(_ context.Context, received ptrace.Traces) error {
	t.waiting <- func() error { return t.next.ConsumeTraces(context.Background(), received) }
	return nil
}

type metrics struct {
	*queue
	next consumer.Metrics
}

func (m *metrics) ConsumeMetrics(_ context.Context, received pmetric.Metrics) error {
	m.waiting <- func() error { return m.next.ConsumeMetrics(context.Background(), received) }
	return nil
}

type logs struct {
	*queue
	next consumer.Logs
}

func (l *logs) ConsumeLogs(_ context.Context, received plog.Logs) error {
	l.waiting <- func() error { return l.next.ConsumeLogs(context.Background(), received) }
	return nil
}

// What was received and is not sent on yet.
type queue struct {
	logger  *zap.Logger
	waiting chan func() error
	done    chan struct{}
}

func newQueue(settings processor.Settings, config component.Config) *queue {
	return &queue{
		logger:  settings.Logger,
		waiting: make(chan func() error, config.(*Config).MaxQueueSize),
		done:    make(chan struct{}),
	}
}

func (q *queue) Start(context.Context, component.Host) error {
	go func() {
		defer close(q.done)
		for send := range q.waiting {
			if err := send(); err != nil {
				q.logger.Error("next consumer failed", zap.Error(err))
			}
		}
	}()
	return nil
}

func (q *queue) Shutdown(context.Context) error {
	close(q.waiting)
	<-q.done
	return nil
}

func (q *queue) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}
