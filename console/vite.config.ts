// How the console is built: into the package that serves it, without anything inline, so that a strict policy holds.
import { defineConfig } from "vite";

const server = process.env["MEDIASERVER_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../control_api/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": { target: server, ws: true } } },
});
