/** `powersync-writes/jwt`: an `authenticate` function for bearer tokens, and settings for common providers. */
export { jwt, type JwtPrincipal } from "./authenticator.js";
export type {
  JwksCache,
  JwksOptions,
  JwksUriOptions,
  JwtAlgorithm,
  JwtOptions,
  JwtSecretAlgorithm,
  SecretOptions,
} from "./options.js";
export {
  auth0,
  clerk,
  cognito,
  firebase,
  keycloak,
  supabase,
  type SupabaseProject,
  supabaseSecret,
} from "./providers.js";
export type { ProviderOptions } from "./provider-options.js";
export { sessionClaim, type SessionProvider } from "./session-claim.js";
export { clientAuth, type ClientAuthOptions, type PowerSyncClientAuth } from "./client-auth.js";
