/** Middleware that lets in only callers on this computer. */
import type { RequestHandler } from "express";

/** @param message the message for other callers */
export function loopbackOnly(message: string): RequestHandler {
  return (request, response, next) => {
    if (isLoopbackAddress(request.socket.remoteAddress) && isLoopbackHost(request.headers.host)) {
      next();
      return;
    }
    response.status(403).json({ message });
  };
}

function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(::1$|(::ffff:)?127\.)/.test(address);
}

/** A page elsewhere can point its own name at 127.0.0.1 (DNS rebinding) and send requests from a browser on this computer. Then `Host` contains that name. */
function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}
