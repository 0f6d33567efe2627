/** A well-formed token, signed by a new key that nobody knows. */
export async function foreignToken(): Promise<string> {
  const { privateKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"],
  );
  const now = Math.floor(Date.now() / 1_000);
  const kid = crypto.randomUUID();
  const head = encoded({ alg: "ES256", typ: "JWT", kid });
  const signed = `${head}.${encoded({ sub: "doctor", iat: now, exp: now + 60 })}`;
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    privateKey,
    new TextEncoder().encode(signed),
  );
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
