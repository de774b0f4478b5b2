package starter

import "testing"

func TestImageNames(t *testing.T) {
	for _, test := range []struct{ written, last, wanted string }{
		{"", "", "${REGISTRY}/shop-web:${VERSION}"},
		{"web", "web", "${REGISTRY}/web:${VERSION}"},
		{"web:latest", "web", "${REGISTRY}/web:${VERSION}"},
		{"web:${VERSION}", "web", "${REGISTRY}/web:${VERSION}"},
		{"acme/web", "web", "acme/web:${VERSION}"},
		{"acme/web:${TAG:-latest}", "web", "acme/web:${VERSION}"},
		{"registry.example:5000/acme/web:1", "web", "registry.example:5000/acme/web:${VERSION}"},
		{"registry.example:5000/acme/web", "web", "registry.example:5000/acme/web:${VERSION}"},
		{"acme/web:v${VERSION:-1}", "web", "acme/web:v${VERSION:-1}"},
		{"${REPO:-ghcr.io/acme}/web:1", "web", "${REPO:-ghcr.io/acme}/web:${VERSION}"},
		{"${IMAGE:-acme/web}:${TAG}", "web", "${REGISTRY}/web:${VERSION}"},
		{"${PREFIX-}web", "web", "${REGISTRY}/web:${VERSION}"},
	} {
		if got := imageName(test.written, test.last, "shop-web"); got != test.wanted {
			t.Errorf("%q is called %s, not %s", test.written, got, test.wanted)
		}
	}
}
