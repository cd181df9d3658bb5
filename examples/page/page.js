"use strict";
(() => {
	if (top !== self) return; // in somebody else's frame it would be theirs what a person sees around the field
	const $ = (id) => document.getElementById(id);
	const language = (navigator.language || "en").toLowerCase().startsWith("de") ? "de" : "en";
	const text = texts[language];
	document.documentElement.lang = language;
	document.title = text.title;
	for (const e of document.querySelectorAll("[data-text]")) e.textContent = text[e.dataset.text];

	let worker, calls, linked, busy = false;
	const blobs = [];

	const say = (message) => { $("status").textContent = message; };
	const show = (id, on) => { $(id).hidden = !on; };
	const octets = (n) => n < 1e3 ? text.octets(n) : n < 1e6 ? (n / 1e3).toLocaleString(language, { maximumFractionDigits: 0 }) + " KB" : (n / 1e6).toLocaleString(language, { maximumFractionDigits: 1 }) + " MB";

	// fail shows what went wrong, and leads those who cannot see there.
	function fail(code, values) {
		const message = text.errors[code] || text.errors.other;
		say("");
		$("error").textContent = typeof message === "function" ? message(values || {}) : message;
		$("error").dataset.code = code;
		$("error").focus();
	}

	function noError() {
		$("error").textContent = "";
		delete $("error").dataset.code;
	}

	class Failure extends Error {
		constructor(code, values) {
			super(code);
			this.code = code;
			this.values = values;
		}
	}

	// A worker is begun for each file, and ended with it: what it knew is gone then.
	async function begin() {
		end();
		const source = URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" }));
		worker = new Worker(source);
		calls = new Map();
		const mine = calls;
		worker.onmessage = (event) => {
			const { id, result } = event.data;
			const call = mine.get(id);
			mine.delete(id);
			if (result.error) call.reject(new Failure(result.error));
			else call.resolve(result);
		};
		worker.onerror = () => {
			for (const call of mine.values()) call.reject(new Failure("crash"));
		};
		const packed = Uint8Array.from(atob($("program").textContent), (c) => c.charCodeAt(0));
		const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
		const program = await new Response(stream).arrayBuffer();
		await post({ program }, [program]);
		URL.revokeObjectURL(source);
	}

	function end() {
		if (worker) worker.terminate();
		worker = undefined;
	}

	let last = 0;
	function post(message, transfer) {
		return new Promise((resolve, reject) => {
			const id = ++last;
			calls.set(id, { resolve, reject });
			worker.postMessage({ id, ...message }, transfer || []);
		});
	}
	const call = (name, ...args) => post({ call: name, args });

	// feed hands a stream to the worker.
	async function feed(stream, total) {
		const reader = stream.getReader();
		let sum = 0;
		for (;;) {
			let part;
			try {
				part = await reader.read();
			} catch {
				throw new Failure("truncated"); // the connection broke, or the file went away
			}
			if (part.done) return;
			sum += part.value.length;
			try {
				await post({ call: "write", args: [part.value] }, [part.value.buffer]);
			} catch (e) {
				reader.cancel().catch(() => {});
				throw e;
			}
			if (total) say(text.fetching(octets(sum), octets(total)));
		}
	}

	// get fetches the object of a link. It is the one request that this page makes.
	async function get(link) {
		let response;
		try {
			response = await fetch(link.url, { mode: "cors", credentials: "omit", redirect: "error", cache: "no-store", referrerPolicy: "no-referrer" });
		} catch {
			throw new Failure("unreachable");
		}
		if (response.status === 403 || response.status === 401) throw new Failure("refused");
		if (response.status === 404 || response.status === 410) throw new Failure("gone");
		if (!response.ok) throw new Failure("server", { status: response.status });
		await feed(response.body, link.size);
	}

	// attempt runs what a person asked for, one at a time.
	async function attempt(what) {
		if (busy) return;
		busy = true;
		$("open").disabled = true;
		noError();
		try {
			await what();
		} catch (e) {
			const code = e instanceof Failure ? e.code : "crash"; // else the browser lacks something
			if (code === "unreachable") show("fetched", true);
			fail(code, { ...e.values, linked: !!linked });
		} finally {
			busy = false;
			$("open").disabled = false;
		}
	}

	async function check() {
		const kind = await call("complete");
		say(text.ready(linked));
		show("drop", false);
		show("fetched", false);
		show("withPassphrase", kind.passphrase);
		show("withKey", kind.key);
		$("withKey").open = !kind.passphrase;
		show("form", true);
		(kind.passphrase ? $("passphrase") : $("key")).focus();
	}

	function reset() {
		for (const b of blobs.splice(0)) URL.revokeObjectURL(b);
		$("files").replaceChildren();
		$("notes").replaceChildren();
		for (const id of ["form", "result", "fetched"]) show(id, false);
		say("");
	}

	async function start() {
		reset();
		show("drop", true);
		linked = undefined;
		await begin();
		const link = await call("start", location.hash);
		if (!link.url) return;
		linked = link;
		$("object").href = link.url;
		if (link.expired) throw new Failure("expired", { when: new Date(link.expires * 1000).toLocaleString(language) });
		say(text.fetching(octets(0), octets(link.size)));
		await get(link);
		await check();
	}

	// take opens a file that was chosen or dropped. Where the page has a link it must be the link's.
	async function take(file) {
		if (!file) return;
		reset();
		await begin();
		await call("start", linked ? location.hash : ""); // one that is no link is nobody's
		say(text.reading);
		await feed(file.stream(), 0);
		await check();
	}

	async function open() {
		const passphrase = $("passphrase").value;
		const keyPassphrase = $("keyPassphrase").value;
		const file = $("key").files[0];
		$("passphrase").value = $("keyPassphrase").value = "";
		$("passphrase").type = $("keyPassphrase").type = "password";
		$("show").checked = false;
		say(text.opening);
		const key = file && !$("withKey").hidden ? new Uint8Array(await file.arrayBuffer()) : null;
		const found = await call("open", passphrase, key, keyPassphrase);
		const ready = [];
		for (let i = 0; i < found.files.length; i++) {
			const parts = [];
			for (;;) {
				const { octets } = await call("read", i);
				if (octets.length === 0) break;
				parts.push(new Blob([octets])); // which browsers may keep on disk
			}
			ready.push(new Blob(parts, { type: "application/octet-stream" })); // shown by no browser in this page's name
		}
		end();
		list(found, ready);
	}

	function list(found, ready) {
		found.files.forEach((file, i) => {
			const url = URL.createObjectURL(ready[i]);
			blobs.push(url);
			const a = document.createElement("a");
			a.href = url;
			a.download = file.name;
			a.textContent = text.save(file.name);
			const item = document.createElement("li");
			item.append(a, " (" + octets(file.size) + ")");
			$("files").append(item);
		});
		for (const note of found.notes) {
			const item = document.createElement("li");
			item.textContent = note;
			$("notes").append(item);
		}
		show("form", false);
		show("result", true);
		say("");
		$("resultTitle").focus();
	}

	$("form").addEventListener("submit", (event) => {
		event.preventDefault();
		attempt(open);
	});
	$("file").addEventListener("change", () => attempt(async () => {
		const file = $("file").files[0];
		$("file").value = ""; // so that the same one can be chosen again
		await take(file);
	}));
	$("show").addEventListener("change", () => {
		$("passphrase").type = $("keyPassphrase").type = $("show").checked ? "text" : "password";
	});
	addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
	addEventListener("dragleave", () => $("drop").classList.remove("over"));
	addEventListener("drop", (event) => {
		event.preventDefault();
		$("drop").classList.remove("over");
		attempt(() => take(event.dataTransfer.files[0]));
	});
	addEventListener("hashchange", () => location.reload());
	// A page that comes back from the browser's memory begins anew.
	addEventListener("pagehide", () => { $("passphrase").value = $("keyPassphrase").value = ""; end(); });
	addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
	attempt(start);
})();
