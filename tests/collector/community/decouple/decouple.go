// Package decouple stands in for the community layer's processor of this name, which the module proxy does not have. Like that
// one it answers at once and sends on from a queue; it knows no function that freezes, so the queue is never held back.
package decouple

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
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
	)
}

func newTraces(_ context.Context, settings processor.Settings, config component.Config, next consumer.Traces) (processor.Traces, error) {
	return &decouple{
		logger: settings.Logger,
		next:   next,
		queue:  make(chan ptrace.Traces, config.(*Config).MaxQueueSize),
		done:   make(chan struct{}),
	}, nil
}

type decouple struct {
	logger *zap.Logger
	next   consumer.Traces
	queue  chan ptrace.Traces
	done   chan struct{}
}

func (d *decouple) Start(context.Context, component.Host) error {
	go func() {
		defer close(d.done)
		for traces := range d.queue {
			if err := d.next.ConsumeTraces(context.Background(), traces); err != nil {
				d.logger.Error("next consumer failed", zap.Error(err))
			}
		}
	}()
	return nil
}

func (d *decouple) Shutdown(context.Context) error {
	close(d.queue)
	<-d.done
	return nil
}

func (d *decouple) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

func (d *decouple) ConsumeTraces(_ context.Context, traces ptrace.Traces) error {
	d.queue <- traces
	return nil
}
