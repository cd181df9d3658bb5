"use strict";
// The worker that opens: Go's wasm_exec.js stands in front of this. It takes the
// program once, and then calls, which it answers in their order.
let ready;
onmessage = async (event) => {
	const { id, program, call, args } = event.data;
	let result;
	try {
		if (program) {
			const go = new Go();
			const { instance } = await WebAssembly.instantiate(program, go.importObject);
			ready = true;
			go.run(instance).finally(() => { ready = false; });
			result = {};
		} else {
			result = ready ? globalThis.box[call](...args) : { error: "crash" };
		}
	} catch (e) {
		result = { error: "crash", detail: String(e) };
	}
	postMessage({ id, result: result || { error: "crash" } }, result && result.octets ? [result.octets.buffer] : []);
};
