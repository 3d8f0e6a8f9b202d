/** What a deployment tells the portal: `/config.json`. */
export interface Config {
  /** Base URL of account A's API. */
  booking_url: string;
  /** Base URL of account B's API. */
  mileage_url: string;
  /** Where the control plane is; without it there is no Service page. */
  control_plane_url?: string;
  user_pool_id: string;
  user_pool_client_id: string;
  /** Where Cognito answers; AWS's own endpoint of the pool's region if absent. */
  cognito_endpoint?: string;
  /** `https://…` of the pool's hosted login; the portal's own sign-in form if absent. */
  hosted_login?: string;
  /** Where a trace can be seen: `{trace_id}` and `{xray_trace_id}` stand for its id in either form. */
  trace_link: string;
  /** What is behind that link, such as "control plane". */
  trace_link_name: string;
  /** Where the browser's spans go, as OTLP over HTTP; nowhere if absent. */
  traces_endpoint?: string;
  /** Where mail can be read, on a local cloud. */
  mailbox?: string;
  /** Who can sign in, on a local cloud. */
  demo_users?: DemoUser[];
}

export interface DemoUser {
  username: string;
  password: string;
  tenant: string;
  tier: string;
}

const REQUIRED = ["booking_url", "mileage_url", "user_pool_id", "user_pool_client_id", "trace_link", "trace_link_name"] as const;

export function parseConfig(json: unknown): Config {
  const config = json as Config;
  const missing = REQUIRED.filter((name) => typeof config?.[name] !== "string");
  if (missing.length > 0) throw new Error(`config.json has no ${missing.join(", ")}`);
  const base = (url: string) => url.replace(/\/+$/, "");
  const { control_plane_url, ...rest } = config;
  return {
    ...rest,
    booking_url: base(config.booking_url),
    mileage_url: base(config.mileage_url),
    ...(control_plane_url && { control_plane_url: base(control_plane_url) }),
  };
}

export async function loadConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  return parseConfig(await answer.json());
}
