package remote

import "strings"

// Quote makes each argument one word of a POSIX shell, whatever is in it, and
// joins them with spaces. A NUL cannot be in an argument and is left out.
func Quote(args ...string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = quote(arg)
	}
	return strings.Join(words, " ")
}

func quote(arg string) string {
	arg = strings.ReplaceAll(arg, "\x00", "")
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// plain are the characters that no shell takes for more than themselves.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@,+%"
