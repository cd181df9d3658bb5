package report

import (
	"fmt"
	"math"
	"time"
)

// The drawing, in units of its own.
const (
	chartWidth  = 920.0
	chartHeight = 240.0
	chartLeft   = 56.0
	chartRight  = 12.0
	chartTop    = 14.0
	chartBottom = 26.0
)

// chart is outcomes over time as columns.
type chart struct {
	W, H, Left, Right, Top, Bottom float64
	Columns                        []rect
	Y, X                           []tick
	Unit                           string
	Summary                        string // for those who hear the page
}

type rect struct {
	X, Y, W, H float64
	Class      string
	Title      string
}

type tick struct {
	At     float64
	Text   string
	Anchor string // of SVG: which end of the text is there
}

// memoryPlot is memory over rows that were sent.
type memoryPlot struct {
	chart
	Path string
	Dots []rect
}

func frame() chart {
	return chart{W: chartWidth, H: chartHeight, Left: chartLeft, Right: chartWidth - chartRight, Top: chartTop, Bottom: chartHeight - chartBottom}
}

// chart draws Speed, nil where there is nothing to draw.
func (s *Summary) chart() *chart {
	if len(s.Speed) == 0 {
		return nil
	}
	c := frame()
	most := 0.0
	for _, b := range s.Speed {
		most = max(most, float64(b.Sent+b.Deferred+b.Failed)/s.Width)
	}
	top, step := scale(most)
	for v := 0.0; v <= top+step/2; v += step {
		c.Y = append(c.Y, tick{At: c.y(v, top), Text: label(v)})
	}
	span := (c.Right - c.Left) / float64(max(len(s.Speed), 8))
	for i, b := range s.Speed {
		base := 0.0
		for _, part := range []struct {
			n     int
			class string
		}{{b.Sent, "sent"}, {b.Deferred, "deferred"}, {b.Failed, "failed"}} {
			if part.n == 0 {
				continue
			}
			v := float64(part.n) / s.Width
			r := rect{X: c.Left + float64(i)*span + span*0.08, W: span * 0.84, Y: c.y(base+v, top), H: c.y(base, top) - c.y(base+v, top), Class: part.class}
			r.Title = fmt.Sprintf("%s: %d sent, %d deferred, %d refused", clock(b.Begin), b.Sent, b.Deferred, b.Failed)
			c.Columns = append(c.Columns, r)
			base += v
		}
	}
	c.X = timeTicks(s.Speed[0].Begin, s.Width, len(s.Speed), c.Left, span)
	c.Unit = "mails a second"
	c.Summary = fmt.Sprintf("Mails a second over time: up to %s, in %d columns of %s.", rate(most), len(s.Speed), time.Duration(s.Width*float64(time.Second)))
	return &c
}

func (c *chart) y(v, top float64) float64 { return c.Bottom - (c.Bottom-c.Top)*v/top }

// scale returns the end of an axis from 0 to at least most, and the step of its
// labels: 1, 2 or 5 times a power of ten.
func scale(most float64) (top, step float64) {
	if most <= 0 {
		return 1, 0.5
	}
	step = math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, f := range []float64{1, 2, 5, 10} {
		if most/(step*f) <= 5 {
			step *= f
			break
		}
	}
	return math.Ceil(most/step) * step, step
}

func label(v float64) string {
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// timeTicks labels at most six columns with their times.
func timeTicks(begin time.Time, width float64, n int, left, span float64) (out []tick) {
	layout := "15:04:05"
	if total := width * float64(n); total > 36*3600 {
		layout = "2 Jan 15:04"
	} else if total > 3*3600 {
		layout = "15:04"
	}
	every := max(1, int(math.Ceil(float64(max(n, 8))/6)))
	for i := 0; i < n; i += every {
		at := begin.Add(time.Duration(float64(i) * width * float64(time.Second)))
		out = append(out, tick{left + float64(i)*span, at.UTC().Format(layout), "start"})
	}
	return out
}

// memoryPlot draws Memory, nil where there are fewer than two values.
func (s *Summary) memoryPlot() *memoryPlot {
	if len(s.Memory) < 2 {
		return nil
	}
	p := &memoryPlot{chart: frame()}
	most, sent := 0.0, 1.0
	for _, m := range s.Memory {
		most, sent = max(most, float64(m.Octets)/(1<<20)), max(sent, float64(m.Sent))
	}
	top, step := scale(most)
	for v := 0.0; v <= top+step/2; v += step {
		p.Y = append(p.Y, tick{At: p.y(v, top), Text: label(v)})
	}
	right, stepX := scale(sent)
	for v := 0.0; v <= right+stepX/2; v += stepX {
		p.X = append(p.X, tick{p.Left + (p.Right-p.Left)*v/right, grouped(int(v)), "middle"})
	}
	p.X[0].Anchor, p.X[len(p.X)-1].Anchor = "start", "end"
	for i, m := range s.Memory {
		x, y := p.Left+(p.Right-p.Left)*float64(m.Sent)/right, p.y(float64(m.Octets)/(1<<20), top)
		p.Path += fmt.Sprintf("%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], x, y)
		p.Dots = append(p.Dots, rect{X: x, Y: y, Title: fmt.Sprintf("%.1f MiB after %d mails", float64(m.Octets)/(1<<20), m.Sent)})
	}
	p.Unit, p.Summary = "MiB resident at most", fmt.Sprintf("Memory: at most %.1f MiB resident.", most)
	return p
}

// LabelX and LabelY are where the labels of the axes stand.
func (c *chart) LabelX() float64 { return c.Left - 8 }
func (c *chart) LabelY() float64 { return c.Bottom + 18 }

// Parts are n as parts of a bar from 0 to 100.
func (n Counts) Parts() (out []rect) {
	x := 0.0
	for _, p := range []struct {
		n     int
		class string
	}{{n.Sent, "sent"}, {n.Deferred, "deferred"}, {n.Failed, "failed"}, {n.InDoubt, "doubt"}, {n.Waiting, "waiting"}} {
		if p.n > 0 {
			w := 100 * float64(p.n) / float64(n.Rows)
			out = append(out, rect{X: x, W: w, Class: p.class})
			x += w
		}
	}
	return out
}
