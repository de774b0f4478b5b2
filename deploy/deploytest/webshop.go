package deploytest

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/client"

	images "github.com/freezedesign/webshop-deploy/deploy/image"
)

// WebshopVersion is a version of the sample webshop.
type WebshopVersion struct {
	Name string
	// Arguments are the backend's build arguments: BREAK, EXTRA_MIGRATION and
	// FEATURE_GIFT_WRAP.
	Arguments map[string]string
}

// Webshop builds versions of the sample webshop and the database and broker it
// needs, all side by side, and pushes them to the tests' registry. Each image
// is built once for all tests of a process: a version must mean the same to
// all of them.
func Webshop(t testing.TB, docker *client.Client, versions ...WebshopVersion) {
	t.Helper()
	Base(t)
	webshopBuild.Lock()
	defer webshopBuild.Unlock()
	project := &types.Project{WorkingDir: Root(t), Services: types.Services{}}
	add := func(name, reference, folder string, arguments map[string]string) {
		if _, built := webshopImages.Load(reference); built {
			return
		}
		args := types.MappingWithEquals{}
		for key, value := range arguments {
			args[key] = &value
		}
		service := types.ServiceConfig{Name: name}
		service.Image = reference
		service.Build = &types.BuildConfig{
			Context: filepath.Join(Root(t), "compose", folder), Args: args, Labels: types.Labels{Label: "image"},
		}
		project.Services[name] = service
	}
	registry := Registry(t)
	add("postgres", registry+"/postgres:1", "images/postgres", nil)
	add("redis", registry+"/redis:1", "images/redis", nil)
	for _, version := range versions {
		arguments := maps.Clone(version.Arguments)
		if arguments == nil {
			arguments = map[string]string{}
		}
		arguments["VERSION"] = version.Name
		add("backend "+version.Name, registry+"/webshop-backend:"+version.Name, "webshop/backend", arguments)
		add("frontend "+version.Name, registry+"/webshop-frontend:"+version.Name, "webshop/frontend", map[string]string{
			"VERSION": version.Name, "NEXT_PUBLIC_API_URL": "http://localhost:8000",
		})
	}
	builder := &images.Builder{Docker: docker}
	built, err := builder.Build(t.Context(), project, nil, images.Options{})
	if err != nil {
		t.Fatalf("build the webshop: %v", err)
	}
	pushAll(t, docker, built)
	for _, one := range built {
		webshopImages.Store(one.Reference, true)
	}
}

var (
	// webshopImages are the references that are in the tests' registry.
	webshopImages sync.Map
	webshopBuild  sync.Mutex
)

func pushAll(t testing.TB, docker *client.Client, built []images.Built) {
	t.Helper()
	publisher := &images.Publisher{Docker: docker}
	errs := make([]error, len(built))
	var group sync.WaitGroup
	for at, one := range built {
		group.Go(func() { _, errs[at] = publisher.Push(t.Context(), one.Reference, nil) })
	}
	group.Wait()
	if at := slices.IndexFunc(errs, func(err error) bool { return err != nil }); at >= 0 {
		t.Fatalf("push %s: %v", built[at].Reference, errs[at])
	}
}
