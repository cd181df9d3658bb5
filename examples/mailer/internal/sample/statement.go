package sample

import (
	"fmt"
	"os"
	"path/filepath"

	"codeberg.org/go-pdf/fpdf"
)

// writeStatement writes a statement of one page.
func writeStatement(name string, n int, p Person) error {
	pdf := fpdf.New("P", "mm", "A4", "")
	text := pdf.UnicodeTranslatorFromDescriptor("") // the standard fonts have Latin letters alone
	pdf.SetTitle("Statement (made up)", true)
	pdf.AddPage()
	pdf.SetFont("Helvetica", "B", 18)
	pdf.Cell(0, 12, "Example Insurance")
	pdf.Ln(16)
	pdf.SetFont("Helvetica", "", 11)
	pdf.MultiCell(0, 6, text(fmt.Sprintf("Statement for %s\nPolicy P-%06d\nAll of this is made up.", p.Name, n)), "", "L", false)
	pdf.Ln(6)
	for month := 1; month <= 12; month++ {
		pdf.CellFormat(110, 7, fmt.Sprintf("2026-%02d   Premium", month), "B", 0, "L", false, 0, "")
		pdf.CellFormat(0, 7, fmt.Sprintf("%d.%02d EUR", 40+(n*7+month)%60, (n*13+month*25)%100), "B", 1, "R", false, 0, "")
	}
	return pdf.OutputFileAndClose(name)
}

// Fixed returns a writer of documents of one size, in octets, for measurements:
// each begins with a line that tells whose it is.
func Fixed(size int) func(name string, n int, p Person) error {
	return func(name string, n int, p Person) error {
		head := fmt.Sprintf("%%PDF-made-up statement %d of %s\n", n, p.Address)
		b := make([]byte, max(size, len(head)))
		for i := copy(b, head); i < len(b); i++ {
			b[i] = byte(i*n>>3) ^ byte(i)
		}
		return os.WriteFile(filepath.Clean(name), b, 0o600)
	}
}
