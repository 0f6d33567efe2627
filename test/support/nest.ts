/** Nest applications for the tests, on Express and on Fastify. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { INestApplication, NestApplicationOptions } from "@nestjs/common";
import { type AbstractHttpAdapter, NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import express from "express";

export type Platform = "Express" | "Fastify";

interface NestOptions extends NestApplicationOptions {
  /** Express' own JSON parser in front of everything, also of what Nest adds first. */
  readonly parsed?: boolean;
}

export function createNest(
  platform: Platform,
  module: Parameters<typeof NestFactory.create>[0],
  { parsed = false, ...options }: NestOptions = {},
): Promise<INestApplication> {
  return NestFactory.create(module, adapterOf(platform, parsed), {
    logger: false,
    abortOnError: false,
    ...options,
  });
}

function adapterOf(platform: Platform, parsed: boolean): AbstractHttpAdapter {
  if (platform === "Fastify") {
    // As Express does; by itself it has nothing at `/api/data/`.
    return new FastifyAdapter({ routerOptions: { ignoreTrailingSlash: true } });
  }
  return new ExpressAdapter(parsed ? express().use(express.json()) : undefined);
}

/** Initialized, with Fastify's own routes as well. */
export async function initNest(app: INestApplication): Promise<INestApplication> {
  await app.init();
  const instance: { ready?: () => Promise<unknown> } = app.getHttpAdapter().getInstance();
  await instance.ready?.();
  return app;
}

/** On loopback: where it listens. */
export async function listenNest(app: INestApplication): Promise<string> {
  await initNest(app);
  const server = app.getHttpServer() as Server;
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
