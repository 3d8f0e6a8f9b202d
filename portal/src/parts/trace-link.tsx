import { useConfig } from "../settings.ts";
import { traceLink } from "../trace/ids.ts";

export function TraceLink({ traceId }: { traceId: string }) {
  const config = useConfig();
  return (
    <span class="trace">
      <code>{traceId}</code>{" "}
      <a href={traceLink(config.trace_link, traceId)} target="_blank" rel="noopener">
        Open in {config.trace_link_name}
        <span class="unseen"> the trace {traceId}, in a new tab</span>
      </a>
    </span>
  );
}
