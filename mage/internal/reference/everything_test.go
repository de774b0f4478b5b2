package reference

// everything says every key of x-deploy once, and each of them rightly. What
// cannot stand in one file stands in the next.
var everything = []string{`
name: shop
x-deploy:
  directory: /opt/shop
  hosts: [deploy@shop.example]
  tags: ["{branch}"]
  seed: {service: app, command: [bin/seed]}
  retain: 3
  checklist: {items: [ci], staging: staging}
services:
  app: {image: app}
`, `
name: shop
x-deploy:
  backups:
    service: db
    database: shop
    user: shop
    endpoint: https://s3.example
    region: eu-central-1
    bucket: backups
    prefix: shop
    access_key: ACCESS
    secret_key: SECRET
    interval: 24h
    drill_within: 720h
services:
  db: {image: postgres}
`, `
name: shop
x-deploy:
  verify:
    - name: health
      url: https://shop.example/
      host: shop.example
      method: POST
      headers: {Accept: text/html}
      body: a=b
      status: 200
      contains: ok
      latency: 500ms
      attempts: 5
      interval: 5s
      timeout: 10s
services:
  app: {image: app}
`, `
name: shop
x-deploy:
  verify:
    - name: order
      steps:
        - url: https://shop.example/
          host: shop.example
          method: PUT
          headers: {Accept: text/html}
          body: a=b
          status: 302
          contains: ok
          latency: 1s
          save: {token: 'value="(\w+)"'}
services:
  app: {image: app}
`, `
name: shop
x-deploy:
  hooks:
    before_switch: [{name: warm, service: app, command: [bin/warm, --all], timeout: 1m}]
    after_success: [{name: purge, host: true, command: bin/purge}]
    on_failure: [{name: page, host: true, command: [bin/page]}]
    on_rollback: [{name: page, host: true, command: [bin/page]}]
services:
  app: {image: app}
`, `
name: shop
x-deploy:
  sentry: {url: https://sentry.io, organization: shop, project: shop, token: secret, new_issues: 3}
  watch: {error_ratio: 0.05, slowdown: 3, requests: 20, tracebacks: 5}
  notify:
    discord: "${DISCORD_WEBHOOK_URL:-}"
    slack: "${SLACK_WEBHOOK_URL:-}"
    on: [start]
    address: https://shop.example
    github: true
    name_host: false
  maintenance: {message: Back at noon., retry_after: 2m, admins: [203.0.113.7]}
services:
  app: {image: app}
`, `
name: shop
services:
  proxy:
    image: haproxy
    ports: ["80:8000"]
    x-deploy: {proxy: true}
  app:
    image: app
    expose: ["8000"]
    x-deploy:
      route: {listen: 8000, port: 8000, hosts: [shop.example], path: /api}
      health: {path: /, port: 8000, host: localhost, status: 200, timeout: 5s, budget: 150s}
      drain: 30s
      migrations:
        framework: django
        manage: [manage]
        database: default
        order: auto
        lock_timeout: 3s
        attempts: 5
`, `
name: shop
services:
  worker:
    image: app
    x-deploy: {quiet: [quiet], resume: [resume], depends_on: [db]}
  db: {image: postgres}
`, `
name: shop
services:
  app:
    image: app
    x-deploy:
      migrations: {pending: [pending], apply: [apply], revert: [revert], order: before}
`, `
name: shop
services:
  app:
    image: app
    x-deploy: {migrations: django}
`}
