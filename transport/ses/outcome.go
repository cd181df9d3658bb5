package ses

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// The codes by which SES says the same in SMTP.
const (
	codeTaken   = 250
	codeFailure = 451 // a temporary failure
	codeSlower  = 454 // throttling
	codeRefused = 554
)

// interrupted is an error after a context ended: what happened, and why.
type interrupted struct{ err, cause error }

func (e *interrupted) Error() string   { return e.cause.Error() }
func (e *interrupted) Unwrap() []error { return []error{e.err, e.cause} }

// verdict is what an error of the service means.
type verdict int

const (
	other   verdict = iota // none that is known
	later                  // it wants less, or cannot now
	never                  // not this mail
	stopped                // no mail of this account
	login                  // not by these credentials
)

// verdictOn knows the errors of SendEmail, and those that all services of AWS
// have in common.
func verdictOn(code string) verdict {
	switch code {
	case "TooManyRequestsException", "LimitExceededException", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
		"RequestTimeout", "RequestTimeoutException", "RequestAbortedException",
		"InternalFailure", "InternalServerError", "InternalServiceError", "InternalServiceErrorException", "ServiceUnavailable", "ServiceUnavailableException":
		return later
	case "MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException", "ValidationError", "ValidationException", "RequestEntityTooLarge", "RequestEntityTooLargeException":
		return never
	case "SendingPausedException", "AccountSuspendedException", "NotFoundException":
		return stopped
	case "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException", "InvalidClientTokenId",
		"InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "RequestExpired",
		"SignatureDoesNotMatch", "UnrecognizedClientException":
		return login
	}
	return other
}

// judge returns what an error of SendEmail makes of the recipients. all is
// whether all of the request can be at the service.
func judge(err error, all bool) (smtp.Outcome, smtp.Reply, error) {
	status := 0
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		status = answer.HTTPStatusCode()
	}
	if status >= http.StatusMultipleChoices {
		var said smithy.APIError
		if !errors.As(err, &said) { // HTML, say
			said = &smithy.GenericAPIError{}
		}
		return judgeAnswer(status, said, all)
	}
	// An answer that says it was taken, and cannot be read, leaves it unknown
	// too: nothing proves that it is the service's.
	if all {
		return smtp.Unknown, smtp.Reply{}, fmt.Errorf("the mail was sent as a whole, and no answer came: %w", plain(err))
	}
	return smtp.NotSent, smtp.Reply{}, plain(err)
}

// judgeAnswer is judge for what was answered with an error.
func judgeAnswer(status int, said smithy.APIError, all bool) (smtp.Outcome, smtp.Reply, error) {
	text := said.ErrorCode() + ": " + said.ErrorMessage()
	failed := func(code int, text string) (smtp.Reply, error) {
		r := smtp.Reply{Code: code, Text: cut(text)}
		return r, &smtp.ReplyError{Command: "SendEmail", Reply: r}
	}
	v := verdictOn(said.ErrorCode())
	if v == other && status == http.StatusRequestEntityTooLarge { // whoever says so
		v = never
	}
	switch v {
	case later:
		code := codeSlower
		if status >= http.StatusInternalServerError {
			code = codeFailure
		}
		reply, err := failed(code, text)
		return smtp.Deferred, reply, err
	case never:
		reply, err := failed(codeRefused, text)
		return smtp.Refused, reply, err
	case stopped:
		reply, err := failed(codeSlower, text)
		return smtp.Deferred, reply, fmt.Errorf("%w: %w", ErrStopped, err)
	case login:
		// The text of a signature that does not fit repeats what was signed, a
		// session token among it.
		return smtp.NotSent, smtp.Reply{}, fmt.Errorf("%w: %.80q", smtp.ErrLogin, said.ErrorCode())
	}
	err := fmt.Errorf("it answers with HTTP status %d and %.80q", status, said.ErrorCode())
	if all && status >= http.StatusInternalServerError {
		// Not the service's words: of something before it, which may have given it
		// the mail.
		return smtp.Unknown, smtp.Reply{}, err
	}
	return smtp.NotSent, smtp.Reply{}, err
}

// plain returns an error of a connection without what the SDK says around it.
func plain(err error) error {
	var stop *interrupted
	if errors.As(err, &stop) {
		return stop.cause
	}
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// cut bounds a text of the service, which goes into logs.
func cut(s string) string {
	const most = 4 << 10
	return strings.ToValidUTF8(s[:min(len(s), most)], "?")
}
