"""Runs the chapter's cells one by one, reports failures and times; argument: first-last cell kinds."""
import ast, contextlib, io, os, re, sys, time, traceback
os.chdir('/tmp/wt/ch4/notebooks'); sys.path.insert(0,'/tmp/wt/ch4')
import matplotlib; matplotlib.use('Agg')
import torch; torch.set_num_threads(1)
from aigc_utils import evaluation, gpt
real_load=evaluation.load_results
def fake(name):
    if name!='gpt_ladder' or os.path.exists('/tmp/wt/ch4/aigc_utils/assets/results/gpt_ladder.json'): return real_load(name)
    b={'last character':3.62,'mean':3.5,'one head':3.4,'positions':2.9,'four heads':2.85,'MLP':2.75,'norms':2.7,'two blocks':2.65,'tables':2.5}
    mk=lambda n,x:{'name':n,'bits':[x-.01,x,x+.01],'rate':0.01,'seconds':10.}
    return {'seconds':10.,'seeds':3,'machine':'fake','rungs':[mk(n,x) for n,x in b.items()],'counting':[{'name':f'order {i}','bits':x} for i,x in enumerate((4.79,3.6,2.95,2.6,2.47,2.44,2.44,2.45),1)],'compressors':[{'name':'lzma','bits':2.43},{'name':'bz2','bits':2.6}],
     'controls':[mk('full recipe',2.45)]+[mk(n,2.5+i/20) for i,n in enumerate(('without tables','without positions','Adam in place of Muon','rows drawn at random'))],
     'longer':[{**mk(f'{s} s',x),'seconds':float(s)} for s,x in ((30,2.38),(90,2.25),(180,2.15))]}
evaluation.load_results=fake
src=open('04_gpt.py').read()
cells=[c for c in re.split(r'^# %%',src,flags=re.M)[1:]]
only=sys.argv[1] if len(sys.argv)>1 else ''   # regex of headings to skip to
g={'__name__':'__main__'}
t0=time.time(); c0=time.process_time(); head=''
skip=set(sys.argv[2:]) 
for i,c in enumerate(cells):
    first,_,body=c.partition('\n')
    if 'markdown' in first:
        m=re.findall(r'^# (#+ .*)$',body,flags=re.M)
        if m: head=m[-1]
        continue
    if only and i>3 and not re.search(only,head): continue
    tree=ast.parse(body)
    last=tree.body.pop() if tree.body and isinstance(tree.body[-1],ast.Expr) else None
    out=io.StringIO(); t=time.time(); p=time.process_time(); err=''
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(tree,f'cell{i}','exec'),g)
            if last is not None:
                v=eval(compile(ast.Expression(last.value),f'cell{i}','eval'),g)
                if hasattr(v,'figure'):
                    v.figure.savefig(f'/tmp/h4_figs/{i:03d}.png',dpi=80); out.write('ALT '+v.alt+'\n')
        except BaseException as e:
            err=traceback.format_exc(limit=-1)
            if last is not None and isinstance(e,AssertionError):
                try:
                    v=eval(compile(ast.Expression(last.value),f'cell{i}','eval'),g)
                    if hasattr(v,'figure'): v.figure.savefig(f'/tmp/h4_figs/{i:03d}.png',dpi=80)
                except Exception: pass
    text=out.getvalue()
    if 'show_source' in body: text=text[:80]
    print(f'--- cell {i} [{head}] {time.time()-t:.1f}s cpu {time.process_time()-p:.1f}s',flush=True)
    if text: print(text[:1500])
    if err: print('FAILED',err,flush=True)
print('TOTAL',time.time()-t0,'cpu',time.process_time()-c0)
