package web

import "sync"

// chore is work that a goroutine does whenever there may be some. While there is none there is no goroutine either: an
// idle client costs none.
type chore struct {
	work func() // does all there is to do, and returns

	mu      sync.Mutex // guards what follows
	running bool
	again   bool // called for since the work began
	stopped bool
	doing   sync.WaitGroup
}

// call has the work done, once more if it is being done. It doesn't block.
func (c *chore) call() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.again = true
	if !c.running {
		c.running = true
		c.doing.Go(c.run)
	}
}

func (c *chore) run() {
	for c.more() {
		c.work()
	}
}

func (c *chore) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running, c.again = c.again, false
	return c.running
}

// stop waits until what was called for is done. Later calls do nothing.
func (c *chore) stop() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.doing.Wait()
}
