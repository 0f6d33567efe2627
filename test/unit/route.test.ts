/** Which request is for which of the endpoint's routes. */
import { describe, expect, it } from "vitest";
import { pathOf, routeOf } from "../../src/http/request.js";

describe("pathOf", () => {
  it.each([
    ["/api/data", "/api/data"],
    ["/api/data/", "/api/data"],
    ["/api/data?x=/y", "/api/data"],
    ["/api/data/?x", "/api/data"],
    ["/api/data#top", "/api/data"],
    ["https://host:6060/api/data?x", "/api/data"],
    ["HTTP://host/api", "/api"],
    ["http://host", ""],
    ["http://host?x=/api", ""],
    ["/", "/"],
    ["/a?u=http://other/api/data", "/a"],
  ])("%s is %s", (url, path) => {
    expect(pathOf(url)).toBe(path);
  });
});

describe("routeOf", () => {
  it.each([
    ["POST", "/api/data", "upload"],
    ["post", "/api/data", "upload"],
    ["POST", "/api/data/", "upload"],
    ["POST", "https://host/api/data?trace=1", "upload"],
    ["GET", "/api/data/limits", "getLimits"],
    ["GET", "/api/data/limits/", "getLimits"],
    ["GET", "/api/data/openapi.yaml?download", "getContract"],
    ["GET", "/api/data", undefined],
    ["PUT", "/api/data", "putRow"],
    ["patch", "/api/data/", "patchRow"],
    ["DELETE", "/api/data?x", "deleteRow"],
    ["HEAD", "/api/data", undefined],
    ["OPTIONS", "/api/data", undefined],
    ["constructor", "/api/data", undefined],
    ["PUT", "/api/data/limits", undefined],
    ["POST", "/api/data/limits", undefined],
    ["POST", "/api/data/other", undefined],
    ["POST", "/api/database", undefined],
    ["POST", "/api", undefined],
    ["POST", "/v1/api/data", undefined],
    ["POST", "/api//data", undefined],
    ["GET", "/api/data/limits/limits", undefined],
    ["GET", "/limits", undefined],
  ])("%s %s: %s", (method, url, route) => {
    expect(routeOf("/api/data", method, url)).toBe(route);
  });

  it.each([
    ["/api/data/", "POST", "/api/data", "upload"],
    ["/", "POST", "/", "upload"],
    ["/", "POST", "http://host/", "upload"],
    ["/", "GET", "/limits", "getLimits"],
    ["/", "POST", "/api/data", undefined],
  ])("base %s: %s %s: %s", (base, method, url, route) => {
    expect(routeOf(base, method, url)).toBe(route);
  });

  it.each([
    ["POST", "/", "upload"],
    ["POST", "/anything/at/all", "upload"],
    ["GET", "/anything/limits", "getLimits"],
    ["GET", "/limits", "getLimits"],
    ["GET", "/anything/openapi.yaml", "getContract"],
    ["GET", "/anything", undefined],
    ["POST", "/anything/limits", undefined],
    ["GET", "/anything/nolimits", undefined],
    ["DELETE", "/anything", "deleteRow"],
    ["PATCH", "/anything/limits", undefined],
    ["PUT", "/anything/checkpoint", undefined],
  ])("without a base, %s %s: %s", (method, url, route) => {
    expect(routeOf(false, method, url)).toBe(route);
  });

  it.each([
    ["/api/data", "PUT", "/api/data/checkpoint", "createCheckpoint"],
    ["/api/data", "POST", "/api/data/checkpoint-request?x", "requestCheckpoint"],
    ["/api/data", "POST", "/api/data/checkpoint", undefined],
    ["/api/data", "PUT", "/api/data/checkpoint/x", undefined],
    [false, "PUT", "/anything/checkpoint", "createCheckpoint"],
    [false, "POST", "/anything/checkpoint-request", "requestCheckpoint"],
    [false, "POST", "/checkpoints", "upload"],
  ] as const)("with checkpoints, base %s: %s %s: %s", (base, method, url, route) => {
    expect(routeOf(base, method, url, { checkpoints: true })).toBe(route);
  });

  it.each([
    ["/api/data", "PUT", "/api/data/checkpoint", undefined],
    [false, "POST", "/anything/checkpoint-request", "upload"],
  ] as const)("without them, base %s: %s %s: %s", (base, method, url, route) => {
    expect(routeOf(base, method, url)).toBe(route);
  });

  it("answers preflights for the routes that there are", () => {
    const preflights = (checkpoints: boolean) =>
      routeOf("/api/data", "OPTIONS", "/api/data/checkpoint", { preflights: true, checkpoints });
    expect(preflights(true)).toBe("preflight");
    expect(preflights(false)).toBe(undefined);
  });
});
