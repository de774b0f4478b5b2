package image

import (
	"maps"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// The label names of the Open Container Initiative's image specification,
// annotations.md.
const (
	labelStandard = "org.opencontainers.image."
	labelVersion  = labelStandard + "version"
	// LabelRevision is the commit that an image was built from.
	LabelRevision = labelStandard + "revision"
	labelCreated  = labelStandard + "created"
	labelSource   = labelStandard + "source"
)

// labelInputs holds what Inputs gives.
const labelInputs = "org.freezedesign.webshop-deploy.inputs"

// labelAttr begins the Dockerfile frontend's options for labels.
const labelAttr = "label:"

// decides says whether a label belongs to what is built. What only says where
// an image comes from differs between two builds of the same.
func decides(label string) bool { return !strings.HasPrefix(label, labelStandard) }

// labels are the build section's own, which win, and those that say what the
// image is. They are set on the finished image, so a new version of unchanged
// sources still comes from the cache.
func labels(own types.Labels, options Options) map[string]string {
	all := map[string]string{}
	for key, value := range map[string]string{
		labelVersion:  options.Version,
		LabelRevision: options.Revision,
		labelSource:   options.Source,
	} {
		if value != "" {
			all[key] = value
		}
	}
	if !options.Created.IsZero() {
		all[labelCreated] = options.Created.UTC().Format(time.RFC3339)
	}
	maps.Copy(all, own)
	return all
}
