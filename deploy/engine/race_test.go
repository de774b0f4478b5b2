//go:build integration && race

package engine

// raceDetector says that this test binary takes several times the memory.
const raceDetector = true
