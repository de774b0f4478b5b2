// Makes dist/ from src/: the API's address and the version are written into the files that browsers get.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const version = process.env.VERSION || "dev";
const apiURL = (process.env.NEXT_PUBLIC_API_URL || "").replace(/\/+$/, "");

if (!/^[\w.+-]+$/.test(version)) {
  throw new Error(`VERSION=${version}: it becomes a file name, so letters, digits, and .+-_ only`);
}

function built(source) {
  return readFileSync(`src/${source}`, "utf8")
    .replaceAll("process.env.NEXT_PUBLIC_API_URL", JSON.stringify(apiURL))
    .replaceAll("process.env.VERSION", JSON.stringify(version))
    .replaceAll("%VERSION%", version);
}

mkdirSync("dist/_next/static", { recursive: true });
writeFileSync("dist/index.html", built("index.html"));
writeFileSync(`dist/_next/static/${version}.js`, built("page.js"));
writeFileSync(`dist/_next/static/${version}.css`, built("page.css"));
console.log(`built ${version} for the API at ${apiURL || "the page's own address"}`);
