package reference

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// sparse is a Compose file with each section of x-deploy, and in them only what
// must be said.
const sparse = `
name: shop
x-deploy:
  backups: {service: db, endpoint: "https://s3.example", bucket: backups}
  verify: [{name: flow, steps: [{url: "https://shop.example/"}]}]
  hooks: {before_switch: [{name: warm, host: true, command: [bin/warm]}]}
  sentry: {organization: shop, project: shop}
  seed: {service: app, command: [bin/seed]}
  checklist: {}
  watch: {}
  notify: {}
  maintenance: {}
services:
  proxy:
    image: haproxy
    ports: ["80:8000"]
    x-deploy: {proxy: true}
  app:
    image: app
    expose: ["8000"]
    x-deploy: {route: {port: 8000}, health: {path: /, port: 8000}, migrations: {framework: django}}
  db:
    image: postgres
`

// readInitial gives what counts where a Compose file does not say it, by
// "Watch.Requests": what the loader has filled in beside what was said.
func readInitial(ctx context.Context) (map[string]any, error) {
	model, err := deploy.ParseModel(ctx, "docker-compose.sparse.yml", []byte(sparse))
	if err != nil {
		return nil, err
	}
	environment, err := model.Load(ctx, deploy.LoadOptions{Version: "v1"})
	if err != nil {
		return nil, err
	}
	var said struct {
		Top      map[string]any `yaml:"x-deploy"`
		Services map[string]struct {
			Own map[string]any `yaml:"x-deploy"`
		}
	}
	if err := yaml.Unmarshal([]byte(sparse), &said); err != nil {
		return nil, err
	}
	app, ok := environment.Service("app")
	if !ok {
		return nil, errors.New("the sparse Compose file has no app")
	}
	initial := map[string]any{}
	note(initial, reflect.ValueOf(environment.Settings), said.Top)
	own := said.Services["app"].Own
	note(initial, reflect.ValueOf(*app.Health), own["health"])
	note(initial, reflect.ValueOf(*environment.Migrations), own["migrations"])
	note(initial, reflect.ValueOf(deploy.ServiceSettings{Drain: app.Route.Drain}), nil)
	return initial, nil
}

// note keeps each value below a settings struct that nobody has said.
func note(initial map[string]any, value reflect.Value, said any) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			note(initial, value.Elem(), said)
		}
	case reflect.Slice:
		listed, _ := said.([]any)
		for at := range min(value.Len(), len(listed)) {
			note(initial, value.Index(at), listed[at])
		}
	case reflect.Struct:
		keys, _ := said.(map[string]any)
		for _, field := range reflect.VisibleFields(value.Type()) {
			key := field.Tag.Get("mapstructure")
			inner, ok := keys[key]
			switch found := value.FieldByIndex(field.Index); {
			case key == "-" || found.IsZero():
			case ok || found.Kind() == reflect.Struct:
				note(initial, found, inner)
			default:
				initial[value.Type().Name()+"."+field.Name] = plain(found)
			}
		}
	}
}

// plain is a value as people write it.
func plain(value reflect.Value) any {
	if length, ok := value.Interface().(time.Duration); ok {
		return shortly(length)
	}
	switch value.Kind() {
	case reflect.String:
		return value.String()
	case reflect.Slice:
		var listed []any
		for _, element := range value.Seq2() {
			listed = append(listed, plain(element))
		}
		return listed
	default:
		return value.Interface()
	}
}

// shortly leaves out the units of a duration that it has none of.
func shortly(length time.Duration) string {
	text := length.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
