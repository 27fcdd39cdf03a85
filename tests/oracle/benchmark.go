package main

import (
	"fmt"
	"io"
	"syscall"
	"time"
)

// benchmark loads each Compose file often and prints the mean milliseconds of a load, a line each:
// name, time, and processor time of all threads: the garbage collector has its own. The caller's
// environment counts, as it does for Compose.
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

// mean returns the milliseconds of one of several times that took so long together.
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
