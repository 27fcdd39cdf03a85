package main

import (
	"fmt"
	"io"
	"time"
)

// benchmark loads each Compose file often and prints the mean milliseconds of a load, a line each:
// name and time. The caller's environment counts, as it does for Compose.
func benchmark(times int, files []string, out io.Writer) error {
	for _, file := range files {
		request := Request{ComposeFiles: []string{file}, Profiles: []string{"*"}}
		if _, err := load(request); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		started := time.Now()
		for range times {
			if _, err := load(request); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		mean := time.Since(started) / time.Duration(times)
		fmt.Fprintf(out, "%s %.3f\n", file, float64(mean)/float64(time.Millisecond))
	}
	return nil
}
