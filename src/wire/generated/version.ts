// Made from openapi.yaml by generate.ts. Change those, never this file.
/** The contract's version. */
export const contractVersion = "1.0.0";
