/** Settings for `jwt()`: what must compile, and what must not. */
import type { WriteRequest } from "../../src/index.js";
import {
  auth0,
  clerk,
  clientAuth,
  cognito,
  firebase,
  jwt,
  type JwtPrincipal,
  keycloak,
  supabase,
  supabaseSecret,
} from "../../src/jwt/index.js";
import { expectType } from "./expect.js";

const given = { issuer: "https://id.example", audience: "api" } as const;
const jwksUri = "https://id.example/jwks.json";
const secret = "of thirty-two bytes at the least";

expectType<(request: WriteRequest) => Promise<JwtPrincipal>>()(jwt({ ...given, jwksUri }));

jwt({ ...given, jwks: { keys: [] }, algorithms: ["ES256"], strictKeyIds: true });
jwt({ ...given, secret, algorithms: ["HS256"], keyId: "k" });
jwt({ issuer: false, audience: false, jwksUri, accept: ({ azp }) => azp === "app" });
jwt([
  supabase({ project: "ref" }),
  supabaseSecret({ project: "ref", secret }),
  supabase({ url: new URL("https://db.example"), clockTolerance: 5 }),
  clerk({ frontendApi: "https://clerk.example", authorizedParties: ["https://app.example"] }),
  auth0({ domain: "a.auth0.com", audience: "api", jwksCache: { maxAgeMs: 60_000 } }),
  firebase({ projectId: "p" }),
  cognito({ userPoolId: "eu-west-1_A", clientIds: ["c"], tokenUse: "id" }),
  keycloak({ realmUrl: "https://id.example/realms/main", clientIds: ["c"] }),
]);
jwt(clientAuth({ jwks_uri: ["https://id.example/jwks.json"], audience: ["api"] }));
jwt([...clientAuth({ supabase: true }, { supabaseProject: "ref" }), { ...given, jwksUri }]);

// @ts-expect-error: without an issuer
jwt({ jwksUri, audience: "api" });
// @ts-expect-error: without an audience
jwt({ jwksUri, issuer: "https://id.example" });
// @ts-expect-error: any issuer is `false`, by name
jwt({ jwksUri, audience: "api", issuer: true });
// @ts-expect-error: a symmetric algorithm without its secret
jwt({ ...given, jwksUri, algorithms: ["HS256"] });
// @ts-expect-error: a secret without its algorithm
jwt({ ...given, secret });
// @ts-expect-error: a secret with an algorithm for public keys
jwt({ ...given, secret, algorithms: ["RS256"] });
// @ts-expect-error: a secret beside public keys
jwt({ ...given, secret, algorithms: ["HS256"], jwksUri });
// @ts-expect-error: keys from two places
jwt({ ...given, jwksUri, jwks: { keys: [] } });
// @ts-expect-error: an answer that is waited for
jwt({ ...given, jwksUri, accept: async () => true });
// @ts-expect-error: neither project nor url
supabase({});
// @ts-expect-error: an unknown token
cognito({ userPoolId: "eu-west-1_A", clientIds: ["c"], tokenUse: "refresh" });
