// Serves dist/, a health check and a WebSocket that echoes. Nothing is in flight when it exits after SIGTERM.
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname } from "node:path";

// Debian's packages are found by require() only.
const { WebSocketServer } = createRequire(import.meta.url)("ws");

const release = process.env.RELEASE || "dev";
const port = Number(process.env.PORT || 3000);
const socketSeconds = 30;
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

// The whole site fits in memory: nothing is read from disk while serving, and no path leads out of dist/.
const files = new Map([["/", { body: readFileSync("dist/index.html"), type: types[".html"], cache: "no-cache" }]]);
for (const name of readdirSync("dist/_next/static")) {
  files.set(`/_next/static/${name}`, {
    body: readFileSync(`dist/_next/static/${name}`),
    type: types[extname(name)],
    cache: "public, max-age=31536000, immutable",
  });
}

let stopping = false;

const server = createServer((request, response) => {
  response.setHeader("X-Release", release);
  // Whoever is kept alive on this connection should ask elsewhere next.
  if (stopping) response.setHeader("Connection", "close");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return response.writeHead(405, { Allow: "GET, HEAD" }).end();
  }
  const path = request.url.split("?")[0];
  if (path === "/healthz") {
    return response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ status: "ok", release }));
  }
  const file = files.get(path);
  if (!file) {
    return response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
  }
  response.writeHead(200, {
    "Content-Type": file.type,
    "Content-Length": file.body.length,
    "Cache-Control": file.cache,
  });
  response.end(file.body);
});
// Longer than any proxy keeps an idle connection: see the backend's gunicorn.conf.py.
server.keepAliveTimeout = 75_000;

const sockets = new WebSocketServer({ server, path: "/ws" });
sockets.on("headers", (headers) => headers.push(`X-Release: ${release}`));
sockets.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (message) => socket.send(message.toString()));
});

function stop(signal) {
  if (stopping) return;
  stopping = true;
  console.log(`${signal}: ${sockets.clients.size} WebSockets open`);
  // Closes idle connections too, and calls back when the last request and the last WebSocket are gone.
  server.close(() => process.exit(0));
  setTimeout(() => {
    for (const socket of sockets.clients) socket.close(1001, "the server stops");
    setTimeout(() => process.exit(0), 1000);
  }, socketSeconds * 1000);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

server.listen(port, "0.0.0.0", () => console.log(`release ${release} listens on ${port}`));
