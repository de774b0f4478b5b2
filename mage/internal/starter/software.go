package starter

import (
	"slices"
	"strings"
)

// software is what is known of a published image.
type software struct {
	// images are the last parts of its names.
	images []string
	kind   Kind
	what   string
	port   int
	health string
	// alone says why two of it must not run side by side; with shared set,
	// only where none of these variables says that it uses a database server.
	alone  string
	shared []string
	// migrates says that it changes its database when it starts.
	migrates bool
}

const sqlite = "it keeps its data in an SQLite file, which two at once would write"

// known is software that people run from its published image. Whatever is not
// here is judged by its command and its ports.
var known = []software{
	{images: []string{"postgres", "postgis", "timescaledb", "timescaledb-ha", "pgvector", "postgresql"}, kind: KindDatabase, what: "Postgres"},
	{images: []string{"mysql", "mysql-server", "percona"}, kind: KindDatabase, what: "MySQL"},
	{images: []string{"mariadb"}, kind: KindDatabase, what: "MariaDB"},
	{images: []string{"mongo", "mongodb", "mongodb-community-server"}, kind: KindDatabase, what: "MongoDB"},
	{images: []string{"clickhouse", "clickhouse-server"}, kind: KindDatabase, what: "ClickHouse"},
	{images: []string{"server", "mssql-server"}, kind: KindDatabase, what: "SQL Server"},
	{images: []string{"influxdb", "cassandra", "neo4j", "couchdb", "etcd", "questdb"}, kind: KindDatabase, what: "a database"},
	{images: []string{"redis", "redis-stack", "redis-stack-server"}, kind: KindCache, what: "Redis"},
	{images: []string{"valkey", "keydb", "dragonfly"}, kind: KindCache, what: "Valkey"},
	{images: []string{"memcached"}, kind: KindCache, what: "memcached"},
	{images: []string{"rabbitmq"}, kind: KindBroker, what: "RabbitMQ"},
	{images: []string{"kafka", "cp-kafka", "redpanda", "zookeeper", "nats", "eclipse-mosquitto", "activemq-artemis"}, kind: KindBroker, what: "a message broker"},
	{images: []string{"elasticsearch", "opensearch"}, kind: KindSearch, what: "Elasticsearch"},
	{images: []string{"meilisearch", "typesense", "solr", "qdrant", "chroma", "weaviate"}, kind: KindSearch, what: "a search index"},
	{images: []string{"minio"}, kind: KindStorage, what: "MinIO"},
	{images: []string{"garage", "seaweedfs", "registry"}, kind: KindStorage, what: "a storage server"},
	{images: []string{"traefik", "nginx-proxy", "nginx-proxy-manager", "haproxy", "swag", "docker-gen", "acme-companion", "cloudflared", "envoy"}, kind: KindEdge, what: "a reverse proxy of the project's own"},
	{images: []string{"flyway", "liquibase", "migrate", "atlas", "dbmate", "goose"}, kind: KindTask, what: "a program for migrations"},
	{images: []string{"ofelia", "supercronic", "docker-crontab"}, kind: KindScheduler, what: "a scheduler"},
	{images: []string{"mailhog", "mailpit", "mailcatcher", "maildev", "smtp4dev"}, kind: KindTool, what: "a mail catcher for developers"},
	{images: []string{"adminer", "phpmyadmin", "pgadmin4", "mongo-express", "redis-commander", "redisinsight", "pgweb"}, kind: KindTool, what: "a database browser for developers"},

	{images: []string{"wordpress"}, kind: KindWeb, what: "WordPress", port: 80, health: "/wp-login.php"},
	{images: []string{"ghost"}, kind: KindAlone, what: "Ghost", port: 2368, health: "/ghost/api/admin/site/", alone: "Ghost does not support two of it on one database", migrates: true},
	{images: []string{"gitea", "forgejo"}, kind: KindAlone, what: "Gitea", port: 3000, health: "/api/healthz", alone: "it opens its queues and its search index for itself alone", migrates: true},
	{images: []string{"nextcloud"}, kind: KindAlone, what: "Nextcloud", port: 80, health: "/status.php", alone: "a new version rewrites its code in the volume that the old one runs from", migrates: true},
	{images: []string{"plausible", "community-edition", "analytics"}, kind: KindWeb, what: "Plausible", port: 8000, health: "/api/health"},
	{images: []string{"matomo"}, kind: KindWeb, what: "Matomo", port: 80},
	{images: []string{"n8n"}, kind: KindAlone, what: "n8n", port: 5678, health: "/healthz", alone: "each of two main processes would start the same workflows", migrates: true},
	{images: []string{"directus"}, kind: KindWeb, what: "Directus", port: 8055, health: "/server/ping", alone: sqlite, shared: []string{"DB_HOST", "DB_CONNECTION_STRING"}, migrates: true},
	{images: []string{"strapi"}, kind: KindWeb, what: "Strapi", port: 1337, health: "/_health", migrates: true},
	{images: []string{"umami"}, kind: KindWeb, what: "Umami", port: 3000, health: "/api/heartbeat", migrates: true},
	{images: []string{"mattermost-team-edition", "mattermost-enterprise-edition"}, kind: KindAlone, what: "Mattermost", port: 8065, health: "/api/v4/system/ping", alone: "without a cluster licence two of it do not tell each other of messages", migrates: true},
	{images: []string{"miniflux"}, kind: KindWeb, what: "Miniflux", port: 8080, health: "/healthcheck", migrates: true},
	{images: []string{"server", "vaultwarden"}, kind: KindWeb, what: "Vaultwarden", port: 80, health: "/alive", alone: sqlite, shared: []string{"DATABASE_URL"}, migrates: true},
	{images: []string{"grafana", "grafana-oss", "grafana-enterprise"}, kind: KindWeb, what: "Grafana", port: 3000, health: "/api/health", alone: sqlite, shared: []string{"GF_DATABASE_TYPE", "GF_DATABASE_URL", "GF_DATABASE_HOST"}, migrates: true},
	{images: []string{"prometheus", "victoria-metrics", "loki", "alertmanager"}, kind: KindAlone, what: "a monitoring server", alone: "it holds a lock on its data folder"},
	{images: []string{"uptime-kuma"}, kind: KindAlone, what: "Uptime Kuma", port: 3001, health: "/", alone: "two of it would check everything twice, and write one SQLite file", migrates: true},
	{images: []string{"metabase"}, kind: KindWeb, what: "Metabase", port: 3000, health: "/api/health", alone: "it keeps its data in an H2 file, which one process locks", shared: []string{"MB_DB_TYPE"}, migrates: true},
	{images: []string{"keycloak"}, kind: KindWeb, what: "Keycloak", port: 8080, health: "/health/ready", migrates: true},
	{images: []string{"home-assistant", "jellyfin", "node-red", "pihole", "syncthing", "portainer-ce"}, kind: KindAlone, what: "a server for one", alone: "it is made to run once"},
	{images: []string{"nginx", "httpd", "caddy", "nginx-unprivileged"}, kind: KindWeb, what: "a web server", port: 80},
}

// ambiguous are last parts of names that say nothing without the part before.
var ambiguous = map[string]string{
	"server": "vaultwarden,mssql", "analytics": "plausible", "community-edition": "plausible", "registry": "registry", "migrate": "migrate",
	"garage": "garage", "atlas": "atlas", "goose": "goose",
}

// recognize finds the software of a published image.
func recognize(f *facts) (software, bool) {
	if f.built || f.image == "" {
		return software{}, false
	}
	for _, one := range known {
		if !slices.Contains(one.images, f.software) {
			continue
		}
		if owners, ok := ambiguous[f.software]; ok && !ownedBy(f.image, one, owners) {
			continue
		}
		return one, true
	}
	return software{}, false
}

// ownedBy says whether an image's name has one of the owners in it, and the
// software is that owner's.
func ownedBy(image string, one software, owners string) bool {
	for owner := range strings.SplitSeq(owners, ",") {
		what := strings.ToLower(one.what)
		matches := strings.Contains(what, owner) || owner == "mssql" && one.what == "SQL Server" || slices.Contains(one.images, owner)
		if strings.Contains(image, owner) && matches {
			return true
		}
	}
	return false
}

// standsAlone says why two of a known program must not run side by side, and
// what would let them; empty where they may.
func (s software) standsAlone(f *facts) (why, instead string) {
	if s.alone == "" {
		return "", ""
	}
	for _, variable := range s.shared {
		if value, ok := f.environment[variable]; ok && !strings.Contains(text(value), "sqlite") {
			return "", ""
		}
	}
	if len(s.shared) > 0 {
		return s.alone, "a database server lets two of it run: set " + s.shared[0]
	}
	return s.alone, ""
}
