package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ReadReport reads dir/bench.json, which WriteFiles wrote.
func ReadReport(dir string) (*Report, error) {
	b, err := os.ReadFile(filepath.Join(dir, "bench.json"))
	if err != nil {
		return nil, err
	}
	r := new(Report)
	return r, json.Unmarshal(b, r)
}

// WriteFiles writes the report into dir: table.md, bench.csv, bench.json and
// ratios.svg. If doc is not empty, the tables also replace the generated part
// of that file.
func (r *Report) WriteFiles(dir, doc string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"table.md": r.WriteMarkdown, "bench.csv": r.WriteCSV, "bench.json": r.WriteJSON, "ratios.svg": r.WriteSVG,
	} {
		var b bytes.Buffer
		if name == "table.md" {
			b.WriteString("# Go42 and Linux, side by side\n\nWritten by `make bench`; [performance.md](../performance.md) says how and what it means.\n\n")
		}
		if err := write(&b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if doc == "" {
		return nil
	}
	old, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := r.WriteMarkdown(&b); err != nil {
		return err
	}
	text, err := replaceGenerated(old, b.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w", doc, err)
	}
	return os.WriteFile(doc, text, 0o644)
}
