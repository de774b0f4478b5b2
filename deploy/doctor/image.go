package doctor

import (
	"strings"
)

// Why an image cannot be had.
const (
	CauseImageTag           Cause = "image-tag-missing"
	CauseImageNotPushed     Cause = "image-not-pushed"
	CauseRegistrySignIn     Cause = "registry-sign-in"
	CauseRegistryAway       Cause = "registry-unreachable"
	CauseRegistryLimit      Cause = "registry-rate-limit"
	CauseRegistryCert       Cause = "registry-certificate"
	CauseImageUnobtainable  Cause = "image-unobtainable"
	registryRollbackComfort       = " A rollback needs no registry: mage rollback previous"
)

// imageRules are about the images of the version that the last command wanted.
var imageRules = []rule{
	{CauseImageTag, "the pull fails: the registry has other tags, and not this one", supply, image(ImageNoTag, "the registry does not have this version",
		"Push it: mage push -version={version}; or deploy one that is there")},
	{CauseImageNotPushed, "the pull fails: nothing was ever pushed to that repository", supply, image(ImageNoRepository, "nothing was pushed to this repository yet",
		"Push it: mage push -version={version}; or correct REGISTRY in .env and the image's name")},
	{CauseRegistrySignIn, "the pull fails: unauthorized, or denied", supply, image(ImageSignIn, "the registry does not let this host in: the sign-in is missing, or it expired",
		"docker login {registry}")},
	{CauseRegistryAway, "the pull fails: no such host, refused, or timed out", supply, image(ImageUnreachable, "the registry cannot be reached from this host",
		"Try it by hand: curl -sSI https://{registry}/v2/; look at DNS and the firewall."+registryRollbackComfort)},
	{CauseRegistryLimit, "the pull fails: too many requests", supply, image(ImageLimited, "the registry has had too many requests from here",
		"Wait some minutes, or log in for a higher limit: docker login {registry}")},
	{CauseRegistryCert, "the pull fails: x509", supply, image(ImageCertificate, "the registry's certificate is not trusted here",
		"Put its authority's certificate in /etc/docker/certs.d/{registry}/ca.crt, and look at the clock: timedatectl")},
	{CauseImageUnobtainable, "the pull fails for another reason", supply, image(ImageOther, "an image cannot be had",
		"Try it by hand: docker pull {image}")},
	{CauseImageLost, "there is no way back: images of the release that serves are gone from the host", supply, imageLost},
}

func image(kind ImageReason, title, fix string) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		if e.Image == nil || e.Image.Kind != kind {
			return nil
		}
		registry, _, _ := strings.Cut(e.Image.Reference, "/")
		version := e.Image.Reference[strings.LastIndex(e.Image.Reference, ":")+1:]
		if e.Command != nil && e.Command.Version != "" {
			version = e.Command.Version
		}
		names := strings.NewReplacer("{registry}", registry, "{image}", e.Image.Reference, "{version}", version)
		return []Finding{{
			Title: title + ": " + e.Image.Reference, Evidence: lines(e.Image.Text), Past: true, Fix: names.Replace(fix),
		}}
	}
}

func imageLost(e *Evidence) []Finding {
	if len(e.Lost) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Title: e.Serving + " serves, and its images are not all on the host: there is no way back to it",
		Evidence: e.Lost, Fix: "docker pull " + e.Lost[0],
	}}
}
