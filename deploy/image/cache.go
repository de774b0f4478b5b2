package image

import (
	"strings"

	"github.com/moby/buildkit/client"
)

// caches reads cache_from and cache_to: "type=registry,ref=…", or the name of
// an image alone.
func caches(list []string) []client.CacheOptionsEntry {
	var entries []client.CacheOptionsEntry
	for _, text := range list {
		if !strings.Contains(text, "=") {
			entries = append(entries, client.CacheOptionsEntry{
				Type:  "registry",
				Attrs: map[string]string{"ref": text},
			})
			continue
		}
		entry := client.CacheOptionsEntry{Type: "registry", Attrs: map[string]string{}}
		for field := range strings.SplitSeq(text, ",") {
			key, value, _ := strings.Cut(field, "=")
			if key = strings.TrimSpace(key); key == "type" {
				entry.Type = value
			} else {
				entry.Attrs[key] = value
			}
		}
		entries = append(entries, entry)
	}
	return entries
}
