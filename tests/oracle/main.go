// Oracle answers what `docker compose config --format json` would print, for tests of the loader.
//
// In: one JSON request on each line of standard input. Out: one JSON answer on each line, in the same
// order: {"config": …}, {"error": "…"} or {"panic": "…"}. When a request exceeds the limit of time or
// memory, the answer is {"error": "timeout"} or {"error": "memory"} and the program exits with status
// 3, because a running load cannot be stopped; the caller starts the program again.
//
// It takes the steps of docker compose 5.7.1 with compose-go v2.16.2: compose.go setEnvWithDotEnv,
// loader.go LoadProject, config.go runConfigInterpolate.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	exitRanAway  = 3
	largestLine  = 64 << 20
	watchEvery   = 50 * time.Millisecond
	heapObjects  = "/memory/classes/heap/objects:bytes"
	defaultLimit = 10 * time.Second
)

// Answer holds exactly one of its fields.
type Answer struct {
	Config json.RawMessage `json:"config,omitempty"`
	Error  string          `json:"error,omitempty"`
	Panic  string          `json:"panic,omitempty"`
}

func main() {
	root := flag.String("root", "", "folder that stands for / (required but for -bench)")
	limit := flag.Duration("timeout", defaultLimit, "longest time for one request")
	memory := flag.Uint64("memory", 2<<30, "largest heap in bytes")
	bench := flag.Int("bench", 0, "number of loads of each file that is given as an argument; prints milliseconds")
	flag.Parse()
	logrus.SetOutput(io.Discard)
	var err error
	if *bench > 0 {
		err = benchmark(*bench, flag.Args(), os.Stdout)
	} else {
		err = serve(*root, *limit, *memory)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(2)
	}
}

func serve(folder string, limit time.Duration, memory uint64) error {
	root, err := enter(folder)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, largestLine)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for lines.Scan() {
		answer, ranAway := guarded(root, lines.Bytes(), limit, memory)
		if err := answers.Encode(answer); err != nil {
			return err
		}
		if ranAway {
			os.Exit(exitRanAway)
		}
	}
	return lines.Err()
}

// guarded answers one request and returns whether the loader is still running.
func guarded(root Root, line []byte, limit time.Duration, memory uint64) (Answer, bool) {
	done := make(chan Answer, 1)
	go func() { done <- answer(root, line) }()
	deadline := time.After(limit)
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		select {
		case result := <-done:
			return result, false
		case <-deadline:
			return Answer{Error: "timeout"}, true
		case <-watch.C:
			if heap() > memory {
				return Answer{Error: "memory"}, true
			}
		}
	}
}

func answer(root Root, line []byte) (result Answer) {
	defer func() {
		if cause := recover(); cause != nil {
			result = Answer{Panic: fmt.Sprint(cause)}
		}
	}()
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return Answer{Panic: "request: " + err.Error()}
	}
	if err := root.prepare(request); err != nil {
		return Answer{Panic: "request: " + err.Error()}
	}
	content, err := config(request)
	if err != nil {
		return Answer{Error: strings.ReplaceAll(err.Error(), root.prefix, "")}
	}
	return Answer{Config: root.hidden(content)}
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: heapObjects}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
