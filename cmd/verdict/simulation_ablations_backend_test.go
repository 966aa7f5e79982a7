package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"verdict"
)

func TestSimulationSeesNoticesSignedByAnother(t *testing.T) {
	seen(t, variant{name: "signed with another secret", wrapper: func(_ *life, p parts) parts {
		for i := range p.endpoints {
			p.endpoints[i].Signer, _ = verdict.NewSigner(whsec("else"))
		}
		return p
	}}, "notice signed")
}

func TestSimulationSeesNoticesInOtherBytes(t *testing.T) {
	seen(t, variant{name: "each instance has its own words", wrapper: func(l *life, p parts) parts {
		for i := range p.endpoints {
			p.endpoints[i].Form, _ = verdict.NewForm(`{"transaction":"{transaction}","status":"{status}","by":"`+l.name+`"}`, "accepted", "declined")
		}
		return p
	}}, "notice same")
}

func TestSimulationSeesNoticesOfAnotherTenant(t *testing.T) {
	seen(t, storeVariant("every endpoint is told of all", func(_ *life, a *ablated) {
		a.enlist = func(ctx context.Context, endpoint, _ string, limit int) (int, error) {
			return a.Store.Enlist(ctx, endpoint, "", limit)
		}
	}), "notice tenant")
}

func TestSimulationSeesABackendThatIsTriedOnce(t *testing.T) {
	seen(t, storeVariant("what was sent was told", func(_ *life, a *ablated) {
		a.replaceNote = func(ctx context.Context, next verdict.Notice) error {
			next.Due, next.ToldAt = time.Time{}, next.TriedAt
			return a.Store.ReplaceNotice(ctx, next)
		}
	}), "notice told")
}

func TestSimulationSeesABackendToldBeforeTheVerdict(t *testing.T) {
	seen(t, storeVariant("an accepted request counts as a success", func(_ *life, a *ablated) {
		var mu sync.Mutex
		var pending []string // told next, and read as settled the next time
		a.create = func(ctx context.Context, n verdict.Transaction) (verdict.Transaction, bool, error) {
			stored, created, err := a.Store.Create(ctx, n)
			if created && err == nil {
				mu.Lock()
				pending = append(pending, stored.ID)
				mu.Unlock()
			}
			return stored, created, err
		}
		early := map[string]bool{}
		a.claimNotice = func(ctx context.Context, endpoint string, now time.Time, limit int) ([]verdict.Notice, error) {
			claimed, err := a.Store.ClaimNotices(ctx, endpoint, now, limit)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range pending {
				early[id] = true
				claimed = append(claimed, verdict.Notice{Number: -1, Endpoint: endpoint, Transaction: id, Version: 1})
			}
			pending = nil
			return claimed, err
		}
		a.transaction = func(ctx context.Context, id string) (verdict.Transaction, error) {
			t, err := a.Store.Transaction(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if early[id] && err == nil && !t.Settled() {
				t.Status, t.Stage, t.SettledAt = verdict.Succeeded, verdict.StageSettled, time.Now()
			}
			delete(early, id)
			return t, err
		}
	}), "notice true")
}

func TestSimulationSeesABackendToldTheOpposite(t *testing.T) {
	opposite := map[verdict.Status]verdict.Status{verdict.Succeeded: verdict.Failed, verdict.Failed: verdict.Succeeded}
	seen(t, storeVariant("verdicts are read the wrong way round", func(_ *life, a *ablated) {
		a.transaction = func(ctx context.Context, id string) (verdict.Transaction, error) {
			t, err := a.Store.Transaction(ctx, id)
			if t.Settled() {
				t.Status = opposite[t.Status]
			}
			return t, err
		}
	}), "notice true")
}

func TestSimulationSeesAnEndpointThatIsToldAfter410(t *testing.T) {
	seen(t, storeVariant("410 is an answer like others", func(_ *life, a *ablated) {
		a.close = func(_ context.Context, name string, until time.Time, _ string) error {
			if until.Equal(verdict.UntilOpened) {
				a.Store.(*simStore).disabled(name)
			}
			return nil
		}
	}), "notice gone")
}

func TestSimulationSeesKeysThatAreForgottenSoon(t *testing.T) {
	seen(t, storeVariant("keys are free with the verdict", func(_ *life, a *ablated) {
		a.release = func(ctx context.Context, _ time.Time, limit int) (int, error) {
			return a.Store.ReleaseKeys(ctx, time.Now(), limit)
		}
	}), "I2")
}

// ablatedRetention is an archive and a deletion that are replaced.
type ablatedRetention struct {
	verdict.Forgetter
	verdict.Archive
	keep   func(time.Time, []verdict.Past, []verdict.Webhook) error
	forget func(context.Context, []verdict.Past) (int, error)
}

func (r *ablatedRetention) Keep(now time.Time, over []verdict.Past, webhooks []verdict.Webhook) error {
	return r.keep(now, over, webhooks)
}

func (r *ablatedRetention) Forget(ctx context.Context, archived []verdict.Past) (int, error) {
	return r.forget(ctx, archived)
}

func retentionVariant(name string, change func(l *life, r *ablatedRetention)) variant {
	return variant{name: name, wrapper: func(l *life, p parts) parts {
		if p.archives != nil {
			r := &ablatedRetention{Forgetter: p.archives.Store, Archive: p.archives.Archive}
			r.keep, r.forget = r.Archive.Keep, r.Forgetter.Forget
			change(l, r)
			p.archives.Store, p.archives.Archive = r, r
		}
		return p
	}}
}

func TestSimulationSeesADeletionWithoutAnArchive(t *testing.T) {
	seen(t, retentionVariant("nothing is archived", func(_ *life, r *ablatedRetention) {
		r.keep = func(time.Time, []verdict.Past, []verdict.Webhook) error { return nil }
	}), "archive whole")
}

func TestSimulationSeesAnArchiveThatLeavesOut(t *testing.T) {
	seen(t, retentionVariant("replies aren't archived", func(_ *life, r *ablatedRetention) {
		r.keep = func(now time.Time, over []verdict.Past, webhooks []verdict.Webhook) error {
			less := make([]verdict.Past, len(over))
			for i, p := range over {
				less[i].Transaction = p.Transaction
				for _, e := range p.Evidence {
					if e.Source != verdict.SourceReply {
						less[i].Evidence = append(less[i].Evidence, e)
					}
				}
			}
			return r.Archive.Keep(now, less, webhooks)
		}
	}), "archive whole")
}

// clearing is a deletion that does something to the record first.
func clearing(name, statement string) variant {
	return retentionVariant(name, func(l *life, r *ablatedRetention) {
		r.forget = func(ctx context.Context, archived []verdict.Past) (int, error) {
			db, err := sql.Open("sqlite3", filepath.Join(l.u.dir, "verdict.db"))
			if err != nil {
				return 0, err
			}
			defer db.Close()
			if _, err := db.Exec(statement); err != nil {
				return 0, err
			}
			return r.Forgetter.Forget(ctx, archived)
		}
	})
}

func TestSimulationSeesWhatIsOpenDeleted(t *testing.T) {
	seen(t, clearing("whatever is old is deleted", `DELETE FROM transactions WHERE stage <> 'settled'`), "archive over")
}

func TestSimulationSeesWhatIsUntoldDeleted(t *testing.T) {
	seen(t, clearing("what is to be told is given up", `DELETE FROM notices WHERE due IS NOT NULL`), "notice told")
}

func TestSimulationSeesWhatIsOverKept(t *testing.T) {
	seen(t, retentionVariant("nothing is deleted", func(_ *life, r *ablatedRetention) {
		r.forget = func(context.Context, []verdict.Past) (int, error) { return 0, nil }
	}), "archive over")
}
