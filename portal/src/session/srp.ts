// Signing in with a password by SRP: it never leaves the browser. Only the sign-in form loads this.
import {
  AuthenticationDetails,
  CognitoUser,
  CognitoUserPool,
  type CognitoUserSession,
  type ICognitoStorage,
} from "amazon-cognito-identity-js";

import type { Config } from "../config.ts";
import { cognitoEndpoint } from "./cognito.ts";
import type { Tokens } from "./tokens.ts";

/** What became of a password: it opens a session, or it was a first one and must be changed. */
export type SignIn = { kind: "session"; tokens: Tokens } | { kind: "new-password"; choose(password: string): Promise<Tokens> };

export function signIn(config: Config, username: string, password: string): Promise<SignIn> {
  const storage = forgetful();
  const pool = new CognitoUserPool({
    UserPoolId: config.user_pool_id,
    ClientId: config.user_pool_client_id,
    endpoint: cognitoEndpoint(config),
    Storage: storage,
    AdvancedSecurityDataCollectionFlag: false,
  });
  const user = new CognitoUser({ Username: username, Pool: pool, Storage: storage });
  const details = new AuthenticationDetails({ Username: username, Password: password });
  return new Promise((resolve, reject) => {
    const unsupported = () => reject(new Error("This account needs a second factor, which this form cannot ask for."));
    user.authenticateUser(details, {
      onSuccess: (session) => resolve({ kind: "session", tokens: tokensOf(session) }),
      onFailure: reject,
      newPasswordRequired: () => resolve({ kind: "new-password", choose: (password) => choose(user, password) }),
      mfaRequired: unsupported,
      totpRequired: unsupported,
      selectMFAType: unsupported,
      mfaSetup: unsupported,
    });
  });
}

function choose(user: CognitoUser, password: string): Promise<Tokens> {
  return new Promise((resolve, reject) => {
    user.completeNewPasswordChallenge(password, {}, { onSuccess: (session) => resolve(tokensOf(session)), onFailure: reject });
  });
}

function tokensOf(session: CognitoUserSession): Tokens {
  return { idToken: session.getIdToken().getJwtToken(), refreshToken: session.getRefreshToken().getToken() };
}

/** The library wants to store tokens: this keeps nothing. */
function forgetful(): ICognitoStorage {
  return { setItem() {}, getItem: () => null, removeItem() {}, clear() {} };
}
