package link

import "net/http"

// prepare says how the browser is to ask: without cookies, and without following
// redirects, which net/http does not see here. net/http takes these headers out.
// Any other would make the browser ask the store for leave first (CORS).
func prepare(req *http.Request) {
	req.Header.Set("js.fetch:mode", "cors")
	req.Header.Set("js.fetch:credentials", "omit")
	req.Header.Set("js.fetch:redirect", "error")
}
