//go:build race

package mm

const pagerRace = true
