package main

import (
	"fmt"
	"io"
	"syscall"
	"time"
)

// benchmark loads each Compose file several times and prints a line for each: its name, the mean
// milliseconds of a load, and the mean milliseconds of processor time of all threads, with those of
// the garbage collector. The environment of the process counts, as it does for Compose.
func benchmark(times int, files []string, out io.Writer) error {
	for _, file := range files {
		request := Request{ComposeFiles: []string{file}, Profiles: []string{"*"}}
		if _, err := load(request); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		started, used := time.Now(), processorTime()
		for range times {
			if _, err := load(request); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		took, used := time.Since(started), processorTime()-used
		fmt.Fprintf(out, "%s %.3f %.3f\n", file, mean(took, times), mean(used, times))
	}
	return nil
}

// mean returns the milliseconds of one load when `times` loads took `together`.
func mean(together time.Duration, times int) float64 {
	return float64(together) / float64(time.Millisecond) / float64(times)
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
