// Drives a browser through the page, as a person does it with a keyboard, and
// prints what was seen as JSON. Standard input: {playwright, browser, executable,
// visits: [{name, url, locale, width, file, passphrases, key, keyPassphrase}]}.
"use strict";
const { createHash } = require("node:crypto");
const { readFileSync, unlinkSync } = require("node:fs");

const job = JSON.parse(readFileSync(0, "utf8"));
const { chromium, firefox } = require(job.playwright);

async function launch() {
	if (job.browser === "chromium") return chromium.launch({ executablePath: job.executable, args: ["--no-sandbox"] });
	// Firefox as it is distributed is driven by WebDriver BiDi.
	const browser = await firefox.launch({ channel: "moz-firefox", executablePath: job.executable });
	// A command that sets the colour scheme, which this Firefox does not know and nothing here needs.
	const session = browser._connection.toImpl(browser)._browserSession;
	const send = session.send.bind(session);
	session.send = (method, params) => method === "emulation.setMediaFeaturesOverride" ? Promise.resolve({}) : send(method, params);
	return browser;
}

// saved clicks on what is offered and returns what lies on the disk then: what a person gets.
async function saved(page, link) {
	if (job.browser === "chromium") {
		const [download] = await Promise.all([page.waitForEvent("download", { timeout: 10000 }), link.click()]);
		return { name: download.suggestedFilename(), path: await download.path() };
	}
	// This Firefox gives downloads no number, by which playwright would find them.
	const session = page._connection.toImpl(page).delegate._session;
	const once = (event) => new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error("nothing was saved")), 10000);
		session.once(event, (e) => { clearTimeout(timer); resolve(e); });
	});
	const [begun, ended] = await Promise.all([once("browsingContext.downloadWillBegin"), once("browsingContext.downloadEnd"), link.click()]);
	return { name: begun.suggestedFilename, path: ended.filepath };
}

// settled waits until the page waits for the person, and says for what.
async function settled(page) {
	const handle = await page.waitForFunction(() => {
		const $ = (id) => document.getElementById(id);
		if ($("open").disabled || $("status").textContent.includes("…")) return false;
		if ($("error").dataset.code) return "error " + $("error").dataset.code;
		if (!$("result").hidden) return "files";
		if (!$("form").hidden) return "form";
		return !$("drop").hidden && "drop";
	}, null, { timeout: 60000 });
	return handle.jsonValue();
}

async function visit(browser, v) {
	const seen = { name: v.name, requests: [], states: [], errors: [], files: [] };
	const context = await browser.newContext({
		ignoreHTTPSErrors: true, acceptDownloads: true, locale: v.locale || "en-US",
		viewport: { width: v.width || 1024, height: 640 },
	});
	context.on("request", (r) => {
		if (!r.url().startsWith("blob:")) seen.requests.push(r.method() + " " + r.url()); // blob: is the page's own memory
	});
	const page = await context.newPage();
	page.on("pageerror", (e) => seen.errors.push(String(e)));
	await page.goto(v.url);
	seen.states.push(await settled(page));
	if (v.file) {
		await page.setInputFiles("#file", v.file);
		await page.waitForFunction(() => document.getElementById("error").textContent === "");
		seen.states.push(await settled(page));
	}
	if (v.key) {
		await page.setInputFiles("#key", v.key);
		await page.fill("#keyPassphrase", v.keyPassphrase);
		await page.click("#open");
		seen.states.push(await settled(page));
	}
	for (const p of v.passphrases || []) {
		await page.locator("#passphrase").focus();
		await page.keyboard.type(p);
		await page.keyboard.press("Enter");
		seen.states.push(await settled(page));
	}
	seen.message = await page.locator("#error").textContent();
	seen.title = await page.title();
	seen.text = await page.locator("main").innerText();
	seen.left = await page.evaluate(() => document.getElementById("passphrase").value + document.getElementById("keyPassphrase").value);
	seen.focus = await page.evaluate(() => document.activeElement.id);
	seen.wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
	for (const link of await page.locator("#files a").all()) {
		const { name, path } = await saved(page, link);
		const content = readFileSync(path);
		unlinkSync(path); // else the next one of that name gets a number
		seen.files.push({ name, sha256: createHash("sha256").update(content).digest("hex"), size: content.length });
	}
	const state = await context.storageState();
	seen.stored = state.cookies.length + state.origins.length;
	await context.close();
	return seen;
}

(async () => {
	const browser = await launch();
	const out = [];
	for (const v of job.visits) {
		const begin = Date.now();
		try {
			out.push({ ...await visit(browser, v), milliseconds: Date.now() - begin });
		} catch (e) {
			out.push({ name: v.name, failed: String(e) });
		}
	}
	console.log(JSON.stringify({ version: browser.version(), visits: out }));
	await browser.close();
})().catch((e) => { console.error(e); process.exit(1); });
