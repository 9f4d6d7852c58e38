package bench

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// WriteSVG draws the ratios of the system's instructions, a bar for each row,
// on a logarithmic scale: to the left Go42 executes less.
func (r *Report) WriteSVG(w io.Writer) error {
	var names []string
	less, more := plotter.Values{}, plotter.Values{}
	for i := len(r.Rows) - 1; i >= 0; i-- { // the first row on top
		row := &r.Rows[i]
		if row.Ratio == 0 {
			continue
		}
		v := math.Log2(row.Ratio)
		names = append(names, row.Name)
		less = append(less, min(v, 0))
		more = append(more, max(v, 0))
	}
	p := plot.New()
	p.Title.Text = "The system's instructions: Go42 by Linux (left of 1: Go42 executes less)"
	if len(names) == 0 {
		p.Title.Text = "No ratios"
		names, less, more = []string{""}, plotter.Values{0}, plotter.Values{0}
	}
	const bar = vg.Length(8)
	for _, s := range []struct {
		v plotter.Values
		c color.RGBA
	}{{less, color.RGBA{0x2a, 0x7f, 0x62, 255}}, {more, color.RGBA{0xc2, 0x6a, 0x2d, 255}}} {
		b, err := plotter.NewBarChart(s.v, bar)
		if err != nil {
			return err
		}
		b.Horizontal = true
		b.Color = s.c
		b.LineStyle.Width = 0
		p.Add(b)
	}
	p.Add(plotter.NewGrid())
	p.NominalY(names...)
	p.X.Tick.Marker = powersOfTwo{}
	p.X.Min, p.X.Max = math.Floor(min(p.X.Min, -1)), math.Ceil(max(p.X.Max, 1))
	height := vg.Length(len(names))*12 + 80
	c := vgsvg.New(7.5*vg.Inch, height)
	p.Draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

type powersOfTwo struct{}

func (powersOfTwo) Ticks(low, high float64) []plot.Tick {
	var t []plot.Tick
	for v := math.Ceil(low); v <= high; v++ {
		label := fmt.Sprintf("%g", math.Exp2(v))
		if v < 0 {
			label = fmt.Sprintf("1/%g", math.Exp2(-v))
		}
		t = append(t, plot.Tick{Value: v, Label: label})
	}
	return t
}
