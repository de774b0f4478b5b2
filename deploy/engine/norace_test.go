//go:build integration && !race

package engine

const raceDetector = false
