package bench

import "math"

// shareError is twice the standard error of the program's share in samples of
// unequal length (the ratio estimator's, samples taken as independent).
func shareError(traces []*trace, known *spaces) float64 {
	n := float64(len(traces))
	if n < 2 {
		return 1
	}
	var own, all []float64
	var sumOwn, sumAll float64
	for _, t := range traces {
		c := known.split(t)
		own, all = append(own, float64(c[Program])), append(all, float64(t.total))
		sumOwn += float64(c[Program])
		sumAll += float64(t.total)
	}
	ratio, mean := sumOwn/sumAll, sumAll/n
	var ss float64
	for i := range own {
		d := own[i] - ratio*all[i]
		ss += d * d
	}
	return 2 * math.Sqrt(ss/(n*(n-1))) / mean
}
