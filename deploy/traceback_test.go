package deploy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestTracebacks(t *testing.T) {
	for _, test := range []struct{ name, log, want string }{
		{"none", "2026-11-27T19:00:00.1Z listening\n2026-11-27T19:00:01.1Z GET / 200\nan Error: that is only said\n", ""},
		{"Django's", `2026-11-27T19:00:00.1Z ERROR Internal Server Error: /api/orders/
2026-11-27T19:00:00.1Z Traceback (most recent call last):
2026-11-27T19:00:00.1Z   File "/app/orders/views.py", line 20, in place
2026-11-27T19:00:00.1Z     raise django.db.utils.IntegrityError("x")
2026-11-27T19:00:00.1Z ` + `
2026-11-27T19:00:00.1Z django.db.utils.IntegrityError: duplicate ` + "\x1b[31mkey\x1b[0m" + `
2026-11-27T19:00:00.2Z Traceback (most recent call last):
2026-11-27T19:00:00.2Z   File "a.py", line 1, in <module>
2026-11-27T19:00:00.2Z AssertionError
`, "1 × Python IntegrityError: django.db.utils.IntegrityError: duplicate key\n1 × Python AssertionError: AssertionError\n"},
		{"chained, twice", strings.Repeat(`Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
ValueError: b
`, 2), "2 × Python ValueError: ValueError: b\n"},
		{"escaped in JSON", `{"level":"error","exc_info":"Traceback (most recent call last):\n  File \"a.py\", line 1\nZeroDivisionError: division by zero"}` + "\n", "1 × Python ZeroDivisionError: ZeroDivisionError: division by zero\n"},
		{"cut off", "Traceback (most recent call last):\n  File \"a.py\"\n", "1 × Python traceback: \n"},
		{"Go's", "panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:\n2026/11/27 http: panic serving 127.0.0.1:1: boom\n", "2 × Go panic: panic: runtime error: index out of range [3]\n"},
		{"Node's", `/app/server.mjs:12
    throw new TypeError("x")
    ^

TypeError: x
    at Server.<anonymous> (/app/server.mjs:12:11)

Node.js v20.19.2
node:internal/process/promises:394
      triggerUncaughtException(err, true /* fromPromise */);
      ^

Error: lost
    at ask (/app/server.mjs:3:9)
(node:1) UnhandledPromiseRejectionWarning: Error: old
`, "1 × Node uncaught exception: TypeError: x\n2 × Node unhandled rejection: Error: lost\n"},
		{"Java's", "Exception in thread \"main\" java.lang.NullPointerException: x\n\tat Shop.main(Shop.java:1)\n", "1 × Java NullPointerException: Exception in thread \"main\" java.lang.NullPointerException: x\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got strings.Builder
			for _, one := range deploy.Tracebacks([]byte(test.log)) {
				if one.Count > 0 {
					fmt.Fprintf(&got, "%d × %s: %s\n", one.Count, one.Kind, one.Example)
				}
			}
			if got.String() != test.want {
				t.Errorf("got\n%swant\n%s", got.String(), test.want)
			}
		})
	}
}
