// The two calls that keep and end a session: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/
import type { Config } from "../config.ts";
import type { Tokens } from "./tokens.ts";

export function cognitoEndpoint(config: Config): string {
  const region = config.user_pool_id.split("_")[0];
  return config.cognito_endpoint
    ? new URL(config.cognito_endpoint, location.origin).href
    : `https://cognito-idp.${region}.amazonaws.com/`;
}

/** New tokens; `undefined` where Cognito says that the session is over. Throws where it cannot be asked. */
export async function refresh(config: Config, refreshToken: string): Promise<Tokens | undefined> {
  const answer = await call(config, "InitiateAuth", {
    AuthFlow: "REFRESH_TOKEN_AUTH",
    ClientId: config.user_pool_client_id,
    AuthParameters: { REFRESH_TOKEN: refreshToken },
  });
  if (answer.status >= 500 || answer.status === 429) throw new TypeError("Cognito does not answer");
  if (!answer.ok) return undefined;
  const result = ((await answer.json()) as { AuthenticationResult?: { IdToken?: string; RefreshToken?: string } }).AuthenticationResult;
  return result?.IdToken ? { idToken: result.IdToken, refreshToken: result.RefreshToken ?? refreshToken } : undefined;
}

/** Ends the session at Cognito too. */
export async function revoke(config: Config, refreshToken: string): Promise<void> {
  await call(config, "RevokeToken", { ClientId: config.user_pool_client_id, Token: refreshToken });
}

function call(config: Config, operation: string, body: unknown): Promise<Response> {
  return fetch(cognitoEndpoint(config), {
    method: "POST",
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}` },
    body: JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
  });
}
