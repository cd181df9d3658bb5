package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"

	"codeberg.org/go-pdf/fpdf"
)

// writePDF makes the file that the demo seals: a medical receipt with scanned
// pages, as people send them. It returns how many pages there are.
func writePDF(name string) (pages int, err error) {
	const scans = 4
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetTitle("Receipt (made up)", true)
	pdf.AddPage()
	pdf.SetFont("Helvetica", "B", 20)
	pdf.Cell(0, 14, "Dr. A. Example, General Practice")
	pdf.Ln(18)
	pdf.SetFont("Helvetica", "", 11)
	pdf.MultiCell(0, 6, "Receipt no. 2026-0815 for Bob Baker, 1 Sample Street.\nAll of this is made up.", "", "L", false)
	pdf.Ln(6)
	for i := range 24 {
		pdf.CellFormat(120, 7, fmt.Sprintf("%02d  Consultation, %d minutes", i+1, 10+5*(i%4)), "B", 0, "L", false, 0, "")
		pdf.CellFormat(0, 7, fmt.Sprintf("%d.%02d EUR", 18+i, 25*(i%4)), "B", 1, "R", false, 0, "")
	}
	for i := range scans {
		scan, err := scannedPage(i)
		if err != nil {
			return 0, err
		}
		pdf.AddPage()
		o := fpdf.ImageOptions{ImageType: "JPEG"}
		id := fmt.Sprintf("scan %d", i+1)
		pdf.RegisterImageOptionsReader(id, o, scan)
		pdf.ImageOptions(id, 10, 10, 190, 0, false, o, 0, "")
		pdf.SetXY(10, 285)
		pdf.SetFont("Helvetica", "I", 9)
		pdf.Cell(0, 5, fmt.Sprintf("Scanned page %d of %d", i+1, scans))
	}
	return 1 + scans, pdf.OutputFileAndClose(name)
}

// scannedPage draws what a scanner makes of paper: grain, a shadow, and waves
// where the writing was.
func scannedPage(n int) (*bytes.Buffer, error) {
	const width, height = 1240, 1754 // A4 at 150 dots per inch
	grain := make([]byte, width*height)
	rand.Read(grain)
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		shadow := 12 * math.Sin(float64(y)/300+float64(n))
		for x := range width {
			v := 225 + shadow + float64(grain[y*width+x])/10
			if line := y % 60; line > 20 && line < 34 && x > 120 && x < width-120-(y*37)%400 {
				v -= 120 * math.Abs(math.Sin(float64(x)/9+float64(y/60*n)))
			}
			img.SetGray(x, y, color.Gray{Y: uint8(min(255, max(0, v)))})
		}
	}
	b := new(bytes.Buffer)
	return b, jpeg.Encode(b, img, &jpeg.Options{Quality: 92})
}
