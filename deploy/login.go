package deploy

import "log/slog"

// Login is what a registry asks for before it gives an image away. It travels
// over standard input and stays in memory: however it is printed, nothing of it
// is shown.
type Login struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identity_token,omitempty"`
	RegistryToken string `json:"registry_token,omitempty"`
}

// Empty says whether there is nothing to sign in with; public images need
// nothing.
func (l Login) Empty() bool { return l == Login{} }

// String hides what it holds.
func (l Login) String() string {
	if l.Empty() {
		return "no login"
	}
	return "a login (hidden)"
}

// GoString hides what it holds from %#v.
func (l Login) GoString() string { return l.String() }

// LogValue hides what it holds from slog.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }
