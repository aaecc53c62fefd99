// Builds the files that pages load, from the packages in the working directory and the sources beside this script.
//
//   node build.mjs OUTPUT TEMPLATES ALLAUTH
//
// OUTPUT gets files named by their content, a compressed copy of each, manifest.json (name -> file) and icons.json.
// TEMPLATES is searched for the classes and icons in use; the rest of Tabler is left out. ALLAUTH is the folder of
// django-allauth, whose scripts for passkeys become part of account.js.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [output, templates, allauth] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const modules = resolve("node_modules");
const require = createRequire(join(modules, "package.json"));
const esbuild = require("esbuild");
const postcss = require("postcss");
const { PurgeCSS } = require("purgecss");

const SOURCES = readdirSync(templates, { recursive: true })
    .filter((path) => /\.(html|py|js)$/.test(path) && !path.startsWith("ui/static"))
    .map((path) => readFileSync(join(templates, path), "utf-8"));

/** Plain building blocks stay whole, so that a page may use any of them. */
const KEPT = [/^(row|col)(-\d+|-auto)?$/, /^g[xy]?-\d$/, /^[mp][tbsexy]?-(\d|auto)$/, /^(d|flex|justify-content|align-items)-[a-z-]+$/,
    /^text-(start|center|end|nowrap)$/];

async function tabler(name) {
    const raw = readFileSync(join(modules, "@tabler/core/dist/css", name), "utf-8");
    const [purged] = await new PurgeCSS().purge({
        content: SOURCES.map((text) => ({ raw: text, extension: "html" })),
        css: [{ raw }],
        safelist: { standard: KEPT, greedy: [/data-bs-theme/] },
    });
    const path = resolve(name);
    writeFileSync(path, followsSystem(purged.css));
    return path;
}

/** Repeats each dark rule for `auto`, where the system asks for dark: themes need no script. */
function followsSystem(css) {
    const root = postcss.parse(css);
    root.walkRules(/data-bs-theme=["']?dark/, (rule) => {
        if (rule.parent.type === "atrule" && /keyframes/.test(rule.parent.name)) return;
        const dark = rule.selectors.filter((selector) => /data-bs-theme=["']?dark/.test(selector));
        const copy = rule.clone({ selectors: dark.map((s) => s.replace(/data-bs-theme=["']?dark["']?/, 'data-bs-theme="auto"')) });
        const media = postcss.atRule({ name: "media", params: "(prefers-color-scheme: dark)" });
        media.append(copy);
        rule.after(media);
    });
    return root.toString();
}

const autoTheme = {
    name: "auto-theme",
    setup(build) {
        build.onLoad({ filter: /assets\/css\/.*\.css$/ }, ({ path }) => {
            return { contents: followsSystem(readFileSync(path, "utf-8")), loader: "css" };
        });
    },
};

async function bundle(name, entry, contents) {
    const result = await esbuild.build({
        stdin: { contents, resolveDir: here, loader: extname(entry).slice(1), sourcefile: entry },
        bundle: true, minify: true, write: false, outdir: output, nodePaths: [modules], legalComments: "none",
        target: ["chrome111", "firefox114", "safari16.4"], loader: { ".woff2": "file" }, assetNames: "[name]-[hash]",
        publicPath: ".", format: "iife", plugins: [autoTheme], logLevel: "warning",
    });
    for (const file of result.outputFiles) {
        if (extname(file.path) === ".woff2") keep(basename(file.path), basename(file.path), file.contents);
        else add(name, file.contents);
    }
}

const manifest = {};
const made = `${output}.new`;

function add(name, contents) {
    const hash = createHash("sha256").update(contents).digest("hex").slice(0, 10);
    keep(name, name.replace(/\.(\w+)$/, `-${hash}.$1`), contents);
}

function keep(name, file, contents) {
    manifest[name] = file;
    writeFileSync(join(made, file), contents);
    if (extname(file) === ".woff2") return;
    const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } };
    writeFileSync(join(made, `${file}.br`), brotliCompressSync(contents, brotli));
    writeFileSync(join(made, `${file}.gz`), gzipSync(contents, { level: 9 }));
}

/** The icons that a template or a Python file names in quotes, as the insides of an SVG of 24 by 24. */
function icons() {
    const { icons: all } = JSON.parse(readFileSync(join(modules, "@iconify-json/tabler/icons.json"), "utf-8"));
    const words = new Set(SOURCES.flatMap((text) => [...text.matchAll(/["']([a-z0-9]+(?:-[a-z0-9]+)*)["']/g)].map((match) => match[1])));
    const used = Object.keys(all).filter((name) => words.has(name)).sort();
    return Object.fromEntries(used.map((name) => [name, [...all[name].body.matchAll(/ d="([^"]+)"/g)].map((match) => match[1]).join("M0 0")]));
}

rmSync(made, { recursive: true, force: true });
mkdirSync(made, { recursive: true });
const css = (path) => `@layer tabler; @import "@fontsource-variable/inter/wght.css"; @import ${JSON.stringify(path)} layer(tabler); @import "./css/index.css";`;
await bundle("clew.css", "clew.css", css(await tabler("tabler.css")));
await bundle("clew.rtl.css", "clew.rtl.css", css(await tabler("tabler.rtl.css")));
await bundle("clew.js", "clew.js", 'import "./js/clew.js";');
await bundle("apply.js", "apply.js", 'import "./js/apply.js";');
await bundle("account.js", "account.js", ["mfa/static/mfa/js/webauthn-json.js", "mfa/static/mfa/js/webauthn.js", "account/static/account/js/account.js", "account/static/account/js/onload.js"]
    .map((path) => `import ${JSON.stringify(join(allauth, path))};`).join("\n"));
for (const image of readdirSync(join(here, "img"))) add(image, readFileSync(join(here, "img", image)));
// The font asks that its licence goes with it; NOTICE has those of the other packages.
copyFileSync(join(modules, "@fontsource-variable/inter/LICENSE"), join(made, "inter-licence.txt"));
writeFileSync(join(made, "icons.json"), JSON.stringify(icons()));
writeFileSync(join(made, "manifest.json"), JSON.stringify(manifest, null, 1));
rmSync(output, { recursive: true, force: true });
renameSync(made, output);
